"""Writes a small sound catalogue without building one: every cell is known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from layouts import picture, save_image, save_mask
from skinnet_keras.data.catalogue import COLUMNS, Catalogue

# image id, label, split, fold, lesion, has a mask
_ROWS = [
    ("ham10000:ISIC_01", "NV", "train", "0", "HAM_1", True),
    ("ham10000:ISIC_02", "NV", "train", "0", "HAM_1", True),
    ("ham10000:ISIC_03", "NV", "val", "1", "HAM_2", True),
    ("ham10000:ISIC_04", "NV", "test", "", "HAM_3", False),
    ("ham10000:ISIC_05", "MEL", "train", "1", "HAM_4", False),
    ("isic2019:ISIC_06", "MEL", "train", "0", "", False),
    ("isic2019:ISIC_07", "AK", "train", "0", "", False),
    ("isic2019:ISIC_08", "AK", "val", "1", "", False),
    ("isic2019:ISIC_09", "AK", "test", "", "", False),
    ("isic2019:ISIC_10", "", "", "", "", False),
    ("isic2019:ISIC_01", "NV", "", "", "HAM_1", False),
]
COPY = "isic2019:ISIC_01"
KEPT = "ham10000:ISIC_01"


def write_small_catalogue(root: Path) -> Catalogue:
    """Ten kept images of two sources, three of them with masks, and a copy of one; with files."""
    sources = {name: root / name for name in ("ham10000", "isic2019")}
    rows = []
    for number, (image_id, label, split, fold, lesion, has_mask) in enumerate(_ROWS):
        source, stem = image_id.split(":")
        save_image(sources[source] / f"{stem}.jpg", picture(0 if image_id == COPY else number))
        if has_mask:
            save_mask(sources[source] / f"{stem}.png")
        rows.append(
            {
                "image_id": image_id,
                "source": source,
                "path": f"{stem}.jpg",
                "mask_path": f"{stem}.png" if has_mask else "",
                "label": label,
                "lesion_id": lesion,
                "duplicate_of": KEPT if image_id == COPY else "",
                "group": lesion or image_id,
                "split": split,
                "fold": fold,
            }
        )
    table = pd.DataFrame(rows, dtype=str).reindex(columns=list(COLUMNS), fill_value="")
    catalogue = Catalogue(root / "catalogue", table, sources)
    catalogue.root.mkdir()
    catalogue.write(catalogue.root)
    header = "image_id,other_id,source,other_source,cause,similarity"
    pair = f"{KEPT},{COPY},ham10000,isic2019,same_id,0.98"
    (catalogue.root / "duplicates.csv").write_text(f"{header}\n{pair}\n")
    return catalogue
