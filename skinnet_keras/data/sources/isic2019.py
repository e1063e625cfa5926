"""ISIC-2019: the training set with its eight classes, and the test set, which also has UNK.

Layout: `ISIC_2019_Training_Input/`, `ISIC_2019_Training_GroundTruth.csv` (one-hot floats) and
`ISIC_2019_Training_Metadata.csv`; the names of 2,074 images end in `_downsampled`. Optional:
`ISIC_2019_Test_Input/`, `ISIC_2019_Test_Metadata.csv` (no lesion ids) and
`ISIC_2019_Test_GroundTruth.csv`, without which the test images are unlabelled. There is no
official validation part, so the training images are free to be split and only the test images
carry an official split. This reader has seen the real training set and test metadata, but not the
test images and labels.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable, join_tables
from skinnet_keras.data.sources.files import (
    find_file,
    find_folders,
    has_file,
    has_folder,
    index_images,
    need_folders,
)
from skinnet_keras.data.sources.tables import join_by_image, match_images, one_hot, read_csv
from skinnet_keras.taxonomy import LABELS

_SPLITS = {"Training": "", "Test": "test"}


def read(root: Path) -> SourceTable:
    """Read the parts of which images or tables are there; the images of one are needed.

    Raises:
        UserError: A folder, file or column is missing.
    """
    need_folders(root, *(f"ISIC_2019_{part}_Input" for part in _SPLITS))
    parts = [
        _read_part(root, part)
        for part in _SPLITS
        if has_folder(root, f"ISIC_2019_{part}_Input")
        or has_file(root, f"ISIC_2019_{part}_Metadata.csv", f"ISIC_2019_{part}_GroundTruth.csv")
    ]
    return join_tables("isic2019", parts)


def _read_part(root: Path, part: str) -> SourceTable:
    images = index_images(root, find_folders(root, f"ISIC_2019_{part}_Input"))
    lesions = ("lesion_id",) if part == "Training" else ()
    path = find_file(root, f"ISIC_2019_{part}_Metadata.csv")
    columns = ("image", "age_approx", "anatom_site_general", *lesions, "sex")
    table = read_csv(path, columns, key="image")[list(columns)].assign(diagnosis="")
    truth_name = f"ISIC_2019_{part}_GroundTruth.csv"
    if part == "Training" or has_file(root, truth_name):
        path = find_file(root, truth_name)
        truth = read_csv(path, ("image", *LABELS), key="image")
        truth["diagnosis"] = one_hot(truth, LABELS, "image", path)
        # The test labels also carry score_weight and validation_weight.
        table = join_by_image(
            truth[["image", "diagnosis"]], table.drop(columns="diagnosis"), "image"
        )
    matched = match_images(table, "image", images, path)
    rows = [
        SourceRow(
            stem=record["image"],
            path=images[record["image"]],
            diagnosis=record["diagnosis"],
            lesion_id=record.get("lesion_id", ""),
            age=record["age_approx"],
            sex=record["sex"],
            site=record["anatom_site_general"],
            official_split=_SPLITS[part],
        )
        for record in matched.records
    ]
    return SourceTable("isic2019", rows, **matched.facts(table["diagnosis"]))
