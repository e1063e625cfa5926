"""The image cache: every kept image decoded and resized once, memory-mapped afterwards."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.atomic import atomic_directory
from skinnet_keras.data.image_io import read_image, read_mask, resize_image, resize_mask
from skinnet_keras.errors import UserError

if TYPE_CHECKING:  # data worker processes only open a cache; pandas and SciPy would slow them
    from skinnet_keras.data.catalogue import Catalogue

_INDEX_FILE = "index.json"


@dataclass(frozen=True)
class ImageCache:
    """Images and masks at one size, in canonical preprocessing.

    Attributes:
        directory: Where the arrays lie; worker processes `open` it again.
        images: uint8 memory map of shape (N, S, S, 3), RGB 0..255.
        masks: uint8 memory map of shape (N, S, S) in {0, 1}; zeros where there is no mask.
        has_mask: bool array of shape (N,): whether the row has a ground-truth mask.
        image_ids: The catalogue's `image_id` of each row.
    """

    directory: Path
    images: np.ndarray
    masks: np.ndarray
    has_mask: np.ndarray
    image_ids: list[str]

    @classmethod
    def open(cls, directory: str | Path) -> ImageCache:
        """Memory-map the cache in `directory`, read-only."""
        directory = Path(directory)
        index = json.loads((directory / _INDEX_FILE).read_text(encoding="utf-8"))
        return cls(
            directory,
            np.load(directory / "images.npy", mmap_mode="r"),
            np.load(directory / "masks.npy", mmap_mode="r"),
            np.load(directory / "has_mask.npy"),
            index["image_ids"],
        )

    @property
    def image_size(self) -> int:
        """Side S of the images in pixels."""
        return self.images.shape[1]

    def rows(self, image_ids: Sequence[str]) -> np.ndarray:
        """Return the rows of some images.

        Args:
            image_ids: The catalogue's `image_id`s.

        Returns:
            int64 array of shape (len(image_ids),).

        Raises:
            UserError: An image is not in the cache.
        """
        absent = [image_id for image_id in image_ids if image_id not in self._row_of]
        if absent:
            raise UserError(
                f"{self.directory} does not hold {absent[0]} ({len(absent)} images asked for are "
                "absent): only kept images of the catalogue are cached."
            )
        return np.array([self._row_of[image_id] for image_id in image_ids], dtype=np.int64)

    @cached_property
    def _row_of(self) -> dict[str, int]:
        return {image_id: row for row, image_id in enumerate(self.image_ids)}


def open_cache(catalogue: Catalogue, image_size: int, *, workers: int | None = None) -> ImageCache:
    """Open the cache of a catalogue at one image size, building it on first use.

    The cache lies in `<catalogue>/cache/<image_size>` and holds every kept image in the order of
    the table. It is rebuilt as a whole when the catalogue has changed; an interrupted build
    leaves nothing behind.

    Args:
        catalogue: The catalogue.
        image_size: Side of the images in pixels.
        workers: Decoding threads; by default one a CPU core.

    Returns:
        The memory-mapped cache.

    Raises:
        UserError: An image or mask cannot be read, or the catalogue has no kept image.
    """
    directory = catalogue.root / "cache" / str(image_size)
    sha256 = catalogue.sha256()
    if not _is_current(directory, sha256):
        _build(catalogue, image_size, directory, sha256, workers)
    return ImageCache.open(directory)


def _is_current(directory: Path, sha256: str) -> bool:
    try:
        index = json.loads((directory / _INDEX_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return index.get("catalogue_sha256") == sha256


def _build(
    catalogue: Catalogue, size: int, directory: Path, sha256: str, workers: int | None
) -> None:
    image_ids = catalogue.usable()["image_id"].tolist()
    if not image_ids:
        raise UserError(f"{catalogue.root} has no kept image to cache.")
    # Pillow decodes and resizes without holding the interpreter lock: threads keep all cores busy
    # and write straight into the memory map.
    workers = workers or os.cpu_count() or 1
    with atomic_directory(directory, replace=True) as folder:
        shape = (len(image_ids), size, size)
        images = _array(folder / "images.npy", (*shape, 3))
        masks = _array(folder / "masks.npy", shape)
        has_mask = np.zeros(len(image_ids), dtype=bool)

        def fill(row: int) -> None:
            images[row] = resize_image(read_image(catalogue.image_path(image_ids[row])), size)
            mask_path = catalogue.mask_path(image_ids[row])
            if mask_path is not None:
                masks[row] = resize_mask(read_mask(mask_path), size)
                has_mask[row] = True

        console = Console(stderr=True)
        with ThreadPoolExecutor(workers) as pool:
            filled = pool.map(fill, range(len(image_ids)))
            for _ in track(filled, f"Caching at {size} px", len(image_ids), console=console):
                pass  # re-raises what `fill` raised
        images.flush()
        masks.flush()
        np.save(folder / "has_mask.npy", has_mask)
        index = {"catalogue_sha256": sha256, "image_size": size, "image_ids": image_ids}
        (folder / _INDEX_FILE).write_text(json.dumps(index), encoding="utf-8")


def _array(path: Path, shape: tuple[int, ...]) -> np.memmap:
    return np.lib.format.open_memmap(path, mode="w+", dtype=np.uint8, shape=shape)
