"""HAM10000: several images a lesion, seven diagnoses, lesion masks by Tschandl et al. (2020).

Layout of the original repository: `HAM10000_images_part_1/` and `HAM10000_images_part_2/` (or one
`HAM10000_images/`), `HAM10000_metadata.csv` (the repository also gives it without suffix, and
tab-separated as `.tab`), and, optional, `HAM10000_segmentations_lesion_tschandl/`. This reader has
seen the real table and images, but not the masks.
"""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import find_file, find_folders, find_images, index_images
from skinnet_keras.data.sources.tables import match_images, read_csv

_MASKS = "HAM10000_segmentations_lesion_tschandl"


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: A folder, file or column is missing.
    """
    images = find_images(root, "HAM10000_images*")
    masks = index_images(root, find_folders(root, _MASKS))
    path = find_file(root, "HAM10000_metadata.csv", "HAM10000_metadata", "HAM10000_metadata.tab")
    columns = ("image_id", "lesion_id", "dx", "age", "sex", "localization")
    table = read_csv(path, columns, key="image_id")
    matched = match_images(table, "image_id", images, path)
    rows = [
        SourceRow(
            stem=record["image_id"],
            path=images[record["image_id"]],
            mask_path=masks.path_of(f"{record['image_id']}_segmentation"),
            diagnosis=record["dx"],
            lesion_id=record["lesion_id"],
            age=record["age"],
            sex=record["sex"],
            site=record["localization"],
        )
        for record in matched.records
    ]
    return SourceTable("ham10000", rows, **matched.facts(table["dx"]))
