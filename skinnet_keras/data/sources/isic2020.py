"""ISIC-2020: patients with several lesions each; most diagnoses are `unknown`, so unlabelled.

Layout: Kaggle's `train.csv` with `train/` or `jpeg/train/`, or the challenge's own
`ISIC_2020_Training_GroundTruth.csv` (`_v2` adds `lesion_id`) with `ISIC_2020_Training_Input/`.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import (
    SourceRow,
    SourceTable,
    find_file,
    find_images,
    read_csv,
    with_image,
)


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: A folder, file or column is missing.
    """
    images = find_images(root, "train", "ISIC_2020_Training_*")
    table = read_csv(
        find_file(
            root,
            "ISIC_2020_Training_GroundTruth_v2.csv",
            "ISIC_2020_Training_GroundTruth.csv",
            "train.csv",
        ),
        (
            "image_name",
            "patient_id",
            "sex",
            "age_approx",
            "anatom_site_general_challenge",
            "diagnosis",
        ),
    )
    records, without_image = with_image(table, "image_name", images)
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
        )
        for record in records
    ]
    return SourceTable("isic2020", rows, without_image)
