"""Synthetic lesions: generated images with exact masks of the eight classes, or nine.

Layout written by `skinnet_keras.data.synthetic.write_synthetic`: `images/<image>.jpg`,
`masks/<image>_segmentation.png` and `synthetic.csv`. The table's column `copy_of` (which image
duplicates which) is not read: finding copies is the catalogue's job.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import find_file, find_folders, find_images, index_images
from skinnet_keras.data.sources.tables import read_csv, with_image, words_of


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: A folder, file or column is missing.
    """
    images = find_images(root, "images")
    masks = index_images(root, find_folders(root, "masks"))
    table = read_csv(
        find_file(root, "synthetic.csv"),
        ("image", "diagnosis", "lesion_id", "age", "sex", "site"),
    )
    records, without_image = with_image(table, "image", images)
    rows = [
        SourceRow(
            stem=record["image"],
            path=images[record["image"]],
            mask_path=masks.get(f"{record['image']}_segmentation", ""),
            diagnosis=record["diagnosis"],
            lesion_id=record["lesion_id"],
            age=record["age"],
            sex=record["sex"],
            site=record["site"],
        )
        for record in records
    ]
    diagnoses = words_of(table, "image", "diagnosis")
    return SourceTable("synthetic", rows, without_image, diagnoses=diagnoses)
