"""The arrays of an image cache while it is being built."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from skinnet_keras.atomic import reserve

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
    reserve(path, path.stat().st_size)
    return array


class Content(NamedTuple):
    """What the files of a row hold.

    Attributes:
        image: Digest of the image's bytes, "" where the file is missing.
        mask: Likewise of its mask, with the version of the rules by which masks are read; "" where
            it has none.
    """

    image: str
    mask: str


@dataclass(frozen=True)
class EarlierCache:
    """A cache of the same size and cleaning, whole or interrupted.

    Attributes:
        cache: Its arrays.
        keys: State of the files of each of its rows; None where it was not written.
        contents: What they held; None where that is not known.
    """

    cache: ImageCache
    keys: list[str | None]
    contents: list[Content | None]

    @cached_property
    def row_of_key(self) -> dict[str, int]:
        """Row of each state of files."""
        return {key: row for row, key in enumerate(self.keys) if key}

    @cached_property
    def row_of_content(self) -> dict[Content, int]:
        """Row of each content."""
        rows = enumerate(zip(self.keys, self.contents, strict=True))
        return {held: row for row, (key, held) in rows if key and held and held.image}

    @cached_property
    def image_ids(self) -> set[str]:
        """The images that were written."""
        return {name for name, key in zip(self.cache.image_ids, self.keys, strict=True) if key}


@dataclass(frozen=True)
class CacheArrays:
    """Images and masks that threads fill row by row, straight into memory maps.

    Attributes:
        folder: Where the files lie.
        images: uint8 memory map (N, S, S, 3).
        masks: uint8 memory map (N, S, S).
        has_mask: bool (N,): whether the row has a mask.
        done: bool (N,): whether the row is written.
        contents: What the files of each row held, as far as is known.
    """

    folder: Path
    images: np.memmap
    masks: np.memmap
    has_mask: np.ndarray
    done: np.ndarray
    contents: list[Content | None]

    @classmethod
    def create(cls, folder: Path, count: int, size: int) -> CacheArrays:
        """Make the files for `count` rows of `size` x `size` pixels."""
        shape = (count, size, size)
        images = allocate_array(folder / "images.npy", (*shape, 3))
        masks = allocate_array(folder / "masks.npy", shape)
        has_mask, done = np.zeros(count, bool), np.zeros(count, bool)
        return cls(folder, images, masks, has_mask, done, [None] * count)

    def write(self, row: int, image: np.ndarray, mask: np.ndarray | None) -> None:
        """Write a row: uint8 (S, S, 3), and uint8 (S, S) or None."""
        self.images[row] = image
        if mask is not None:
            self.masks[row] = mask
            self.has_mask[row] = True
        self.done[row] = True

    def copy_known(self, earlier: EarlierCache, keys: list[str]) -> None:
        """Copy the rows whose files are as an earlier cache found them.

        Args:
            earlier: The earlier cache.
            keys: State of the files of each row of this one.
        """
        for row, key in enumerate(keys):
            if not self.done[row] and (source := earlier.row_of_key.get(key)) is not None:
                self._copy(row, earlier, source)

    def copy_content(self, row: int, earlier: EarlierCache, content: Content) -> bool:
        """Copy a row from an earlier cache that read the same bytes; tell whether it did."""
        source = earlier.row_of_content.get(content)
        if source is not None:
            self._copy(row, earlier, source)
        return source is not None

    def _copy(self, row: int, earlier: EarlierCache, source: int) -> None:
        old = earlier.cache
        mask = old.masks[source] if old.has_mask[source] else None
        self.write(row, old.images[source], mask)
        self.contents[row] = earlier.contents[source]

    def save(self) -> None:
        """Bring everything to the disk."""
        self.images.flush()
        self.masks.flush()
        np.save(self.folder / "has_mask.npy", self.has_mask)
