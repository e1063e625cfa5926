"""ISIC-2017: training, validation and test images with lesion masks (part 1) and labels (part 3).

Layout, as the challenge's archives unpack, for each part `Training`, `Validation`, `Test_v2`:
`ISIC-2017_<part>_Data/`, `ISIC-2017_<part>_Data_metadata.csv`,
`ISIC-2017_<part>_Part1_GroundTruth/` (masks, optional), `ISIC-2017_<part>_Part3_GroundTruth.csv`.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import (
    SourceRow,
    SourceTable,
    find_file,
    find_images,
    has_folder,
    one_hot,
    read_csv,
    with_image,
)
from skinnet_keras.errors import UserError

_PARTS = {"Training": "train", "Validation": "val", "Test_v2": "test"}


def read(root: Path) -> SourceTable:
    """Read the parts that are there; at least one is needed.

    Raises:
        UserError: A folder, file or column is missing.
    """
    parts = [
        _read_part(root, part) for part in _PARTS if has_folder(root, f"ISIC-2017_{part}_Data")
    ]
    if not parts:
        raise UserError(
            f"{root} has no folder ISIC-2017_Training_Data: give the folder the data set was "
            "unpacked to."
        )
    return SourceTable(
        "isic2017",
        rows=[row for part in parts for row in part.rows],
        without_image=sum(part.without_image for part in parts),
        notes=[note for part in parts for note in part.notes],
    )


def _read_part(root: Path, part: str) -> SourceTable:
    images = find_images(root, f"ISIC-2017_{part}_Data")
    masks, notes = {}, []
    if has_folder(root, f"ISIC-2017_{part}_Part1_GroundTruth"):
        masks = find_images(root, f"ISIC-2017_{part}_Part1_GroundTruth")
    else:
        notes.append(f"isic2017: no lesion masks for {part} (its Part1_GroundTruth is not there).")

    truth_path = find_file(root, f"ISIC-2017_{part}_Part3_GroundTruth.csv")
    classes = ("melanoma", "seborrheic_keratosis")
    truth = read_csv(truth_path, ("image_id", *classes))
    # The challenge's third class has no column: neither of the two means nevus.
    truth["diagnosis"] = one_hot(truth, classes, "image_id", truth_path).replace("", "nevus")
    patients_path = find_file(root, f"ISIC-2017_{part}_Data_metadata.csv")
    patients = read_csv(patients_path, ("image_id", "age_approximate", "sex"))

    table = truth.merge(patients, on="image_id", how="left").fillna("")
    records, without_image = with_image(table, "image_id", images)
    rows = [
        SourceRow(
            stem=record["image_id"],
            path=images[record["image_id"]],
            mask_path=masks.get(f"{record['image_id']}_segmentation", ""),
            diagnosis=record["diagnosis"],
            age=record["age_approximate"],
            sex=record["sex"],
            official_split=_PARTS[part],
        )
        for record in records
    ]
    return SourceTable("isic2017", rows, without_image, notes)
