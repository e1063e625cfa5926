"""Synthetic lesions: generated images with exact masks of the eight classes, or nine.

Layout written by `skinnet_keras.data.synthetic.write_synthetic`: `images/<image>.jpg`,
`masks/<image>_segmentation.png` and `synthetic.csv`. The table's column `copy_of` (which image
duplicates which) is not read: finding copies is the catalogue's job.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import find_file, find_folders, find_images, index_images
from skinnet_keras.data.sources.tables import match_images, read_csv


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: A folder, file or column is missing.
    """
    images = find_images(root, "images")
    masks = index_images(root, find_folders(root, "masks"))
    path = find_file(root, "synthetic.csv")
    columns = ("image", "diagnosis", "lesion_id", "age", "sex", "site")
    table = read_csv(path, columns, key="image")
    matched = match_images(table, "image", images, path)
    rows = [
        SourceRow(
            stem=record["image"],
            path=images[record["image"]],
            mask_path=masks.path_of(f"{record['image']}_segmentation"),
            diagnosis=record["diagnosis"],
            lesion_id=record["lesion_id"],
            age=record["age"],
            sex=record["sex"],
            site=record["site"],
        )
        for record in matched.records
    ]
    return SourceTable("synthetic", rows, **matched.facts(table["diagnosis"]))
