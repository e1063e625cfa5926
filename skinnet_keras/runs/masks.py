"""The masks that lie in a run."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.runs.tables import read_rows

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
            UserError: The run holds no masks, or they are damaged.
        """
        file, rows = directory / MASKS_FILE, read_mask_table(directory)
        if rows is None or not file.is_file():
            lost = next((f for f in (file, directory / TABLE_FILE) if f.is_symlink()), None)
            raise UserError(
                f"{directory} holds no predicted masks ({MASKS_FILE}, {TABLE_FILE})."
                if lost is None
                else f"{lost} is a link to {os.readlink(lost)}, which is gone: put a copy of that "
                "file in its place."
            )
        try:
            masks = np.load(file, mmap_mode="r")
            if masks.dtype != np.uint8 or masks.ndim != 3 or len(masks) != len(rows):
                raise ValueError(
                    f"it holds {masks.dtype} {masks.shape} for {len(rows)} rows of {TABLE_FILE}"
                )
        except (OSError, ValueError, EOFError) as error:
            raise _damaged(file, error) from error
        return cls(masks, {row["image_id"]: i for i, row in enumerate(rows)})

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


def read_mask_table(directory: Path) -> list[dict[str, str]] | None:
    """Read a run's `masks.csv`: `image_id`, `mask_origin` and `in_sample` of every mask.

    `in_sample` is "1" where the network was trained on the image, "" where that is not known.

    Returns:
        The rows, in the order of `masks.npy`; None where there is no such file.

    Raises:
        UserError: It is damaged.
    """
    file = directory / TABLE_FILE
    if not file.is_file():
        return None
    try:
        return read_rows(file, ("image_id", "mask_origin", "in_sample"))
    except (OSError, ValueError) as error:
        raise _damaged(file, error) from error


def holds_masks(directory: Path, image_ids: Iterable[str]) -> bool:
    """Tell whether a run holds the masks of all these images already (a resumed run)."""
    # The table is the last to be written.
    if not (directory / TABLE_FILE).is_file():
        return False
    return set(image_ids) <= set(PredictedMasks.open(directory).row_of)


def _damaged(file: Path, error: Exception) -> UserError:
    reason = " ".join(str(error).split()).removesuffix(".")
    return UserError(
        f"{file} is damaged ({reason}): remove {MASKS_FILE} and {TABLE_FILE} and make them anew "
        f"with `skinnet train --resume {file.parent}`, or restore the two from a copy."
    )
