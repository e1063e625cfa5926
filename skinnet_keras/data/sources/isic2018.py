"""ISIC-2018: lesion masks (task 1) and diagnoses (task 3, whose training images are HAM10000).

Layout, as the challenge's archives unpack, for each part `Training`, `Validation` and `Test`:
task 1 (2,594, 100 and 1,000 images): `ISIC2018_Task1-2_<part>_Input/` and
`ISIC2018_Task1_<part>_GroundTruth/` (masks); task 3 (10,015, 193 and 1,512 images):
`ISIC2018_Task3_<part>_Input/` and `ISIC2018_Task3_<part>_GroundTruth.csv` (one-hot, in a folder of
its own name; without it the validation and test images are unlabelled), and for training
`ISIC2018_Task3_Training_LesionGroupings.csv` (lesion ids, optional). Either task is enough. The
task-2 masks of dermoscopic attributes are not read. This reader has never seen the real files.

The test set of task 3 as HAM10000's repository gives it is read, too: the images in
`ISIC2018_Task3_Test_Images/`, the truth with the columns of `HAM10000_metadata`, of which
`image_id` and `dx` are needed, as `ISIC2018_Task3_Test_GroundTruth.csv` or, tab-separated, `.tab`.

An image of both tasks is one row: image and mask of task 1, on which the mask was drawn, with
diagnosis and lesion of task 3. Where the tasks put it into different parts, test goes before
validation before training, so that no official test image is trained on.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pandas as pd

from skinnet_keras.data.delimited import read_delimited
from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import (
    ImageIndex,
    find_file,
    find_folders,
    has_file,
    has_folder,
    index_images,
    need_folders,
)
from skinnet_keras.data.sources.tables import (
    join_by_image,
    match_images,
    one_hot,
    read_csv,
)

_SPLITS = {"Training": "train", "Validation": "val", "Test": "test"}
_STRICTEST_FIRST = ("test", "val", "train")
_CLASSES = ("MEL", "NV", "BCC", "AKIEC", "BKL", "DF", "VASC")
_TASK3_INPUTS = ("ISIC2018_Task3_{part}_Input", "ISIC2018_Task3_{part}_Images")
_HAM_COLUMNS = ("image_id", "dx", "lesion_id", "age", "sex", "localization")
# Columns of a part's table -> fields of its rows.
_OPTIONAL = {
    "diagnosis": "diagnosis",
    "lesion_id": "lesion_id",
    "age": "age",
    "sex": "sex",
    "localization": "site",
}
_GROUPINGS = "ISIC2018_Task3_Training_LesionGroupings.csv"


def read(root: Path) -> SourceTable:
    """Read the tasks and parts that are there; the images of one are needed.

    Raises:
        UserError: A folder, file or column is missing.
    """
    task3 = [own.format(part="*") for own in _TASK3_INPUTS]
    need_folders(root, "ISIC2018_Task1-2_*_Input", *task3)
    rows: dict[str, SourceRow] = {}
    for part, split in _SPLITS.items():
        for stem, path in _images(root, f"ISIC2018_Task1-2_{part}_Input").items():
            rows[stem] = SourceRow(stem, path, official_split=split)
    diagnoses = dict.fromkeys(rows, "")
    without_image = 0
    missing: list[str] = []
    for part, split in _SPLITS.items():
        path, table = _task3(root, part)
        images = _images(root, *(own.format(part=part) for own in _TASK3_INPUTS))
        if path is None:
            table = pd.DataFrame({"image": list(images)}).assign(**dict.fromkeys(_OPTIONAL, ""))
        elsewhere = rows.keys() - images.keys()
        for stem in elsewhere:
            images.add(stem, rows[stem].path)
        matched = match_images(table, "image", images, path or root, need_no_row=elsewhere)
        for record in matched.records:
            stem = record["image"]
            row = rows.get(stem, SourceRow(stem, images[stem], official_split=split))
            rows[stem] = replace(
                row,
                official_split=min(split, row.official_split, key=_STRICTEST_FIRST.index),
                **{field: record[column] for column, field in _OPTIONAL.items()},
            )
        without_image += matched.without_image
        missing += matched.missing
        diagnoses |= dict(zip(matched.names, table["diagnosis"], strict=True))
    masks = _images(root, "ISIC2018_Task1_*_GroundTruth")
    with_masks = [
        replace(row, mask_path=masks.path_of(f"{stem}_segmentation")) for stem, row in rows.items()
    ]
    return SourceTable("isic2018", with_masks, without_image, missing, diagnoses=diagnoses)


def _images(root: Path, *folders: str) -> ImageIndex:
    return index_images(root, find_folders(root, *folders))


def _task3(root: Path, part: str) -> tuple[Path | None, pd.DataFrame]:
    """Read the truth of a part of task 3: its file, and the columns `image` and `_OPTIONAL`."""
    names = [f"ISIC2018_Task3_{part}_GroundTruth{suffix}" for suffix in (".csv", ".tab")]
    needed = part == "Training" and has_folder(root, f"ISIC2018_Task3_{part}_Input")
    if not (has_file(root, *names) or needed):
        return None, pd.DataFrame()
    path = find_file(root, *names)
    header, _ = read_delimited(path, (*_HAM_COLUMNS, "image"), needed=("image_id", "dx"))
    if "dx" in header:
        table = read_csv(path, ("image_id", "dx"), optional=_HAM_COLUMNS, key="image_id")
        table = table.rename(columns={"image_id": "image", "dx": "diagnosis"})
    else:
        table = read_csv(path, ("image", *_CLASSES), key="image")
        table["diagnosis"] = one_hot(table, _CLASSES, "image", path)
    table = table.reindex(columns=["image", *_OPTIONAL], fill_value="")
    if part == "Training" and has_file(root, _GROUPINGS):
        columns = ["image", "lesion_id"]
        lesions = read_csv(find_file(root, _GROUPINGS), tuple(columns), key="image")
        table = join_by_image(table.drop(columns="lesion_id"), lesions[columns], "image")
    return path, table
