"""ISIC-2020: patients with several lesions each; most diagnoses are `unknown`, so unlabelled.

Layout: Kaggle's `train.csv` with `train/` or `jpeg/train/`, or the challenge's own
`ISIC_2020_Training_GroundTruth.csv` (`_v2` adds `lesion_id`) with `ISIC_2020_Training_Input/`.
Optional, the test set, whose labels were never published: Kaggle's `test.csv` with `test/` or
`jpeg/test/`, or `ISIC_2020_Test_Metadata.csv`, whose columns have other names, with
`ISIC_2020_Test_Input/`. There is no official validation part, so only the test images carry an
official split. This reader has seen the real training set in Kaggle's layout, but not the test set.
"""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from skinnet_keras.data.sources.base import SourceRow, SourceTable, join_tables
from skinnet_keras.data.sources.files import (
    find_file,
    find_folders,
    has_file,
    has_folder,
    index_images,
    need_folders,
)
from skinnet_keras.data.sources.tables import match_images, read_csv

_COLUMNS = ("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge")
_TRAINING = ("train", "ISIC_2020_Training_*")
_TRUTHS = (
    "ISIC_2020_Training_GroundTruth_v2.csv",
    "ISIC_2020_Training_GroundTruth.csv",
    "train.csv",
)
_TEST = ("test", "ISIC_2020_Test_*")
_OFFICIAL_TEST, _KAGGLE_TEST = "ISIC_2020_Test_Metadata.csv", "test.csv"


def read(root: Path) -> SourceTable:
    """Read the parts of which images or tables are there; the images of one are needed.

    Raises:
        UserError: A folder, file or column is missing.
    """
    need_folders(root, *_TRAINING, *_TEST)
    parts = []
    if has_folder(root, *_TRAINING) or has_file(root, *_TRUTHS):
        path = find_file(root, *_TRUTHS)
        columns = (*_COLUMNS, "diagnosis")
        table = read_csv(path, columns, optional=("lesion_id",), key="image_name")
        parts.append(_rows(root, table, path, _TRAINING, ""))
    if has_folder(root, *_TEST) or has_file(root, _OFFICIAL_TEST, _KAGGLE_TEST):
        path = find_file(root, _OFFICIAL_TEST, _KAGGLE_TEST)
        parts.append(_rows(root, _test_table(path).assign(diagnosis=""), path, _TEST, "test"))
    return join_tables("isic2020", parts)


def _test_table(path: Path) -> pd.DataFrame:
    if path.name == _KAGGLE_TEST:
        return read_csv(path, _COLUMNS, key="image_name")
    official = ("image", "patient", "sex", "age_approx", "anatom_site_general")
    table = read_csv(path, official, key="image")
    return table.rename(columns=dict(zip(official, _COLUMNS, strict=True)))


def _rows(
    root: Path, table: pd.DataFrame, path: Path, folders: tuple[str, ...], split: str
) -> SourceTable:
    images = index_images(root, find_folders(root, *folders))
    matched = match_images(table, "image_name", images, path)
    rows = [
        SourceRow(
            stem=record["image_name"],
            path=images[record["image_name"]],
            diagnosis=record["diagnosis"],
            lesion_id=record.get("lesion_id", ""),
            patient_id=record["patient_id"],
            age=record["age_approx"],
            sex=record["sex"],
            site=record["anatom_site_general_challenge"],
            official_split=split,
        )
        for record in matched.records
    ]
    return SourceTable("isic2020", rows, **matched.facts(table["diagnosis"]))
