"""The arrays of an image cache while it is being built."""

from __future__ import annotations

import errno
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from skinnet_keras.data.cache import ImageCache


def allocate_array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    """Make a `.npy` file of zeros with its room on the disk reserved.

    Without it, a full disk would end the process by a signal (SIGBUS) when the map is written.

    Args:
        path: The file.
        shape: Shape of the uint8 array.

    Returns:
        The file as a writable memory map.

    Raises:
        OSError: There is no room.
    """
    array = np.lib.format.open_memmap(path, "w+", np.uint8, shape)
    if hasattr(os, "posix_fallocate"):
        with path.open("r+b") as file:
            try:
                os.posix_fallocate(file.fileno(), 0, path.stat().st_size)
            except OSError as error:
                if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # some filesystems
                    raise
    return array


@dataclass(frozen=True)
class CacheArrays:
    """Images and masks that threads fill row by row, straight into memory maps.

    Attributes:
        folder: Where the files lie.
        images: uint8 memory map (N, S, S, 3).
        masks: uint8 memory map (N, S, S).
        has_mask: bool (N,): whether the row has a mask.
        done: bool (N,): whether the row is written.
    """

    folder: Path
    images: np.memmap
    masks: np.memmap
    has_mask: np.ndarray
    done: np.ndarray

    @classmethod
    def create(cls, folder: Path, count: int, size: int) -> CacheArrays:
        """Make the files for `count` rows of `size` x `size` pixels."""
        shape = (count, size, size)
        images = allocate_array(folder / "images.npy", (*shape, 3))
        masks = allocate_array(folder / "masks.npy", shape)
        return cls(folder, images, masks, np.zeros(count, bool), np.zeros(count, bool))

    def write(self, row: int, image: np.ndarray, mask: np.ndarray | None) -> None:
        """Write a row: uint8 (S, S, 3), and uint8 (S, S) or None."""
        self.images[row] = image
        if mask is not None:
            self.masks[row] = mask
            self.has_mask[row] = True
        self.done[row] = True

    def copy_known(
        self, old: ImageCache, old_keys: Sequence[str | None], keys: Sequence[str]
    ) -> None:
        """Copy the rows that an earlier cache of the same size and cleaning has.

        Args:
            old: The earlier cache.
            old_keys: State of the files of each of its rows; None where it was not written.
            keys: State of the files of each row of this one.
        """
        known = {key: row for row, key in enumerate(old_keys)}
        for row, key in enumerate(keys):
            source = known.get(key)
            if source is not None and not self.done[row]:
                mask = old.masks[source] if old.has_mask[source] else None
                self.write(row, old.images[source], mask)

    def save(self) -> None:
        """Bring everything to the disk."""
        self.images.flush()
        self.masks.flush()
        np.save(self.folder / "has_mask.npy", self.has_mask)
