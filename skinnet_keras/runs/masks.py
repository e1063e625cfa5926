"""The masks that lie in a run."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skinnet_keras.errors import UserError

MASKS_FILE = "masks.npy"
TABLE_FILE = "masks.csv"


@dataclass(frozen=True)
class PredictedMasks:
    """Thresholded masks of a run, memory-mapped.

    Attributes:
        masks: uint8 (N, S, S) in {0, 1}.
        row_of: Row of each `image_id`.
    """

    masks: np.ndarray
    row_of: dict[str, int]

    @classmethod
    def open(cls, directory: Path) -> PredictedMasks:
        """Open `masks.npy` and `masks.csv` of a run.

        Raises:
            UserError: The run holds no masks.
        """
        table = directory / TABLE_FILE
        if not table.is_file() or not (directory / MASKS_FILE).is_file():
            raise UserError(f"{directory} holds no predicted masks ({MASKS_FILE}, {TABLE_FILE}).")
        with table.open(encoding="utf-8", newline="") as file:
            row_of = {row["image_id"]: i for i, row in enumerate(csv.DictReader(file))}
        return cls(np.load(directory / MASKS_FILE, mmap_mode="r"), row_of)

    def of(self, image_ids: list[str]) -> np.ndarray:
        """The masks of some images, uint8 (n, S, S), in their order.

        Raises:
            UserError: An image has no predicted mask.
        """
        missing = [image_id for image_id in image_ids if image_id not in self.row_of]
        if missing:
            raise UserError(
                f"{len(missing)} images have no predicted mask, the first is {missing[0]}: "
                "train the segmentation stage on this catalogue."
            )
        return self.masks[[self.row_of[image_id] for image_id in image_ids]]


def holds_masks(directory: Path, image_ids: Iterable[str]) -> bool:
    """Tell whether a run holds the masks of all these images already (a resumed run)."""
    # The table is the last to be written.
    if not (directory / TABLE_FILE).is_file():
        return False
    return set(image_ids) <= set(PredictedMasks.open(directory).row_of)
