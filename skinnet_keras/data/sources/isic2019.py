"""ISIC-2019: the training set with its eight classes (and UNK, empty in training).

Layout: `ISIC_2019_Training_Input/`, `ISIC_2019_Training_GroundTruth.csv` (one-hot floats) and
`ISIC_2019_Training_Metadata.csv`. The names of 2,074 images end in `_downsampled`.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import (
    SourceRow,
    SourceTable,
    find_file,
    find_images,
    one_hot,
    read_csv,
    with_image,
)
from skinnet_keras.taxonomy import LABELS


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: A folder, file or column is missing.
    """
    images = find_images(root, "ISIC_2019_Training_Input")
    truth_path = find_file(root, "ISIC_2019_Training_GroundTruth.csv")
    truth = read_csv(truth_path, ("image", *LABELS))
    truth["diagnosis"] = one_hot(truth, LABELS, "image", truth_path)
    patients = read_csv(
        find_file(root, "ISIC_2019_Training_Metadata.csv"),
        ("image", "age_approx", "anatom_site_general", "lesion_id", "sex"),
    )
    table = truth.merge(patients, on="image", how="left").fillna("")
    records, without_image = with_image(table, "image", images)
    rows = [
        SourceRow(
            stem=record["image"],
            path=images[record["image"]],
            diagnosis=record["diagnosis"],
            lesion_id=record["lesion_id"],
            age=record["age_approx"],
            sex=record["sex"],
            site=record["anatom_site_general"],
        )
        for record in records
    ]
    diagnoses = dict(zip(table["image"], table["diagnosis"], strict=True))
    return SourceTable("isic2019", rows, without_image, diagnoses=diagnoses)
