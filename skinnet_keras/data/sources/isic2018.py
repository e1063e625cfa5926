"""ISIC-2018: lesion masks (task 1) and diagnoses (task 3, whose training images are HAM10000).

Layout, as the challenge's archives unpack, for each part `Training`, `Validation` and `Test`:
task 1 (2,594, 100 and 1,000 images): `ISIC2018_Task1-2_<part>_Input/` and
`ISIC2018_Task1_<part>_GroundTruth/` (masks); task 3 (10,015, 193 and 1,512 images):
`ISIC2018_Task3_<part>_Input/` and `ISIC2018_Task3_<part>_GroundTruth.csv` (one-hot, in a folder of
its own name; without it the validation and test images are unlabelled), and for training
`ISIC2018_Task3_Training_LesionGroupings.csv` (lesion ids, optional). Either task is enough. The
task-2 masks of dermoscopic attributes are not read. This reader has never seen the real files.

An image of both tasks is one row: image and mask of task 1, on which the mask was drawn, with
diagnosis and lesion of task 3. Where the tasks put it into different parts, test goes before
validation before training, so that no official test image is trained on.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import (
    find_file,
    find_folders,
    has_file,
    has_folder,
    index_images,
    need_folders,
)
from skinnet_keras.data.sources.tables import one_hot, read_csv

_SPLITS = {"Training": "train", "Validation": "val", "Test": "test"}
_STRICTEST_FIRST = ("test", "val", "train")
_CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
_GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"


def read(root: Path) -> SourceTable:
    """Read the tasks and parts that are there; the images of one are needed.

    Raises:
        UserError: A folder, file or column is missing.
    """
    need_folders(root, "ISIC2018_Task1-2_*_Input", "ISIC2018_Task3_*_Input")
    rows: dict[str, SourceRow] = {}
    for part, split in _SPLITS.items():
        for stem, path in _images(root, f"ISIC2018_Task1-2_{part}_Input").items():
            rows[stem] = SourceRow(stem, path, official_split=split)
    diagnoses = dict.fromkeys(rows, "")
    without_image = 0
    for part, split in _SPLITS.items():
        images = _images(root, f"ISIC2018_Task3_{part}_Input")
        for stem, diagnosis, lesion_id in _task3(root, part, images).itertuples(index=False):
            diagnoses[stem] = diagnosis
            row = rows.get(stem, SourceRow(stem, images.get(stem, ""), official_split=split))
            if not row.path:
                without_image += 1
                continue
            rows[stem] = replace(
                row,
                diagnosis=diagnosis,
                lesion_id=lesion_id,
                official_split=min(split, row.official_split, key=_STRICTEST_FIRST.index),
            )
    masks = _images(root, "ISIC2018_Task1_*_GroundTruth")
    with_masks = [
        replace(row, mask_path=masks.get(f"{stem}_segmentation", "")) for stem, row in rows.items()
    ]
    return SourceTable("isic2018", with_masks, without_image, diagnoses=diagnoses)


def _images(root: Path, folder: str) -> dict[str, str]:
    return index_images(root, find_folders(root, folder))


def _task3(root: Path, part: str, images: dict[str, str]) -> pd.DataFrame:
    """List the images of a part of task 3: columns image, diagnosis, lesion_id."""
    truth_name = f"ISIC2018_Task3_{part}_GroundTruth.csv"
    input_is_there = has_folder(root, f"ISIC2018_Task3_{part}_Input")
    if has_file(root, truth_name) or (part == "Training" and input_is_there):
        path = find_file(root, truth_name)
        table = read_csv(path, ("image", *_CLASSES))
        table["diagnosis"] = one_hot(table, _CLASSES, "image", path)
    else:
        table = pd.DataFrame({"image": list(images)}).assign(diagnosis="")
    table = table[["image", "diagnosis"]]
    if part == "Training" and has_file(root, _GROUPINGS):
        lesions = read_csv(find_file(root, _GROUPINGS), ("image", "lesion_id"))
        return table.merge(lesions[["image", "lesion_id"]], on="image", how="left").fillna("")
    return table.assign(lesion_id="")
