"""ISIC-2017: training, validation and test images with lesion masks (part 1) and labels (part 3).

Layout, as the challenge's archives unpack, for each part `Training`, `Validation`, `Test_v2`:
`ISIC-2017_<part>_Data/` (it also holds superpixel maps, which are skipped),
`ISIC-2017_<part>_Part3_GroundTruth.csv` and, optional, `ISIC-2017_<part>_Data_metadata.csv` (age
and sex) and `ISIC-2017_<part>_Part1_GroundTruth/` (masks). This
reader has seen real files of the first two parts; `Test_v2` is read as they are.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable, join_tables
from skinnet_keras.data.sources.files import (
    ImageIndex,
    find_file,
    find_folders,
    find_images,
    has_file,
    has_folder,
    index_images,
    need_folders,
)
from skinnet_keras.data.sources.tables import join_by_image, match_images, one_hot, read_csv

_SPLITS = {"Training": "train", "Validation": "val", "Test_v2": "test"}
_FOLDERS = {part: f"ISIC-2017_{part}_Data" for part in _SPLITS}
_TRUTHS = {part: f"ISIC-2017_{part}_Part3_GroundTruth.csv" for part in _SPLITS}


def read(root: Path) -> SourceTable:
    """Read the parts of which images or labels are there; the images of one are needed.

    Raises:
        UserError: A folder, file or column is missing.
    """
    need_folders(root, *_FOLDERS.values())
    parts = [
        _read_part(root, part)
        for part in _SPLITS
        if has_folder(root, _FOLDERS[part]) or has_file(root, _TRUTHS[part])
    ]
    return join_tables("isic2017", parts)


def _read_part(root: Path, part: str) -> SourceTable:
    images = index_images(root, find_folders(root, _FOLDERS[part]))
    masks, notes = ImageIndex(), []
    if has_folder(root, f"ISIC-2017_{part}_Part1_GroundTruth"):
        masks = find_images(root, f"ISIC-2017_{part}_Part1_GroundTruth")
    else:
        notes.append(f"no lesion masks for {part} (its Part1_GroundTruth is not there).")

    truth_path = find_file(root, _TRUTHS[part])
    classes = ("melanoma", "seborrheic_keratosis")
    table = read_csv(truth_path, ("image_id", *classes), key="image_id")
    # The challenge's third class has no column: neither of the two means nevus.
    table["diagnosis"] = one_hot(table, classes, "image_id", truth_path).replace("", "nevus")
    patients = f"ISIC-2017_{part}_Data_metadata.csv"
    if has_file(root, patients):
        columns = ("image_id", "age_approximate", "sex")
        known = read_csv(find_file(root, patients), columns, key="image_id")
        table = join_by_image(table, known[list(columns)], "image_id")
    else:
        table = table.assign(age_approximate="", sex="")
        notes.append(f"no ages and sexes for {part} ({patients} is not there).")
    matched = match_images(table, "image_id", images, truth_path)
    rows = [
        SourceRow(
            stem=record["image_id"],
            path=images[record["image_id"]],
            mask_path=masks.path_of(f"{record['image_id']}_segmentation"),
            diagnosis=record["diagnosis"],
            age=record["age_approximate"],
            sex=record["sex"],
            official_split=_SPLITS[part],
        )
        for record in matched.records
    ]
    return SourceTable("isic2017", rows, notes=notes, **matched.facts(table["diagnosis"]))
