"""The image cache: every kept image decoded and resized once, memory-mapped afterwards."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from skinnet_keras.atomic import atomic_directory, remove_leftovers
from skinnet_keras.data.cache_arrays import CacheArrays
from skinnet_keras.data.cleaning import METHODS_VERSION, clean
from skinnet_keras.data.image_io import read_image, read_mask, resize_image, resize_mask
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.errors import UserError
from skinnet_keras.locks import own_name

# Data worker processes only open a cache; pandas, pydantic and SciPy would slow them.
if TYPE_CHECKING:
    import pandas as pd

    from skinnet_keras.config import CleaningConfig
    from skinnet_keras.data.catalogue import Catalogue

_INDEX_FILE = "index.json"
_PARTIAL_SUFFIX = ".partial"


@dataclass(frozen=True)
class ImageCache:
    """Images and masks at one size, cleaned if asked for, in canonical preprocessing.

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


def open_cache(
    catalogue: Catalogue,
    image_size: int,
    *,
    cleaning: CleaningConfig | None = None,
    workers: int | None = None,
) -> ImageCache:
    """Open the cache of a catalogue at one image size and cleaning, building it on first use.

    The cache lies in `<catalogue>/cache/<image_size>`, with the steps and a hash of the settings
    behind the size where images are cleaned, and holds every kept image in the order of the
    table. When the catalogue has changed it is built anew, but only images whose files changed
    (path, size or modification time) are decoded; the others are copied. A build that fails
    leaves nothing behind; one that is interrupted from the keyboard leaves what it has done to the
    next build. Where another process builds the same one, this waits for it. Files that change
    while the catalogue does not are not noticed.

    Args:
        catalogue: The catalogue.
        image_size: Side of the images in pixels.
        cleaning: What is cleaned before the resize; None for nothing.
        workers: Decoding threads; by default one a CPU core.

    Returns:
        The memory-mapped cache.

    Raises:
        UserError: An image or mask cannot be read, or the catalogue has no kept image.
    """
    if cleaning is not None and not cleaning.steps:
        cleaning = None
    directory = catalogue.root / "cache" / _folder_name(image_size, cleaning)
    remove_leftovers(directory.parent)
    sha256 = catalogue.sha256()
    if _read_index(directory).get("catalogue_sha256") != sha256:
        with own_name(directory, wait=True):
            if _read_index(directory).get("catalogue_sha256") != sha256:
                _build(catalogue, image_size, cleaning, directory, workers)
    return ImageCache.open(directory)


def _folder_name(size: int, cleaning: CleaningConfig | None) -> str:
    if cleaning is None:
        return str(size)
    settings = {"version": METHODS_VERSION, **cleaning.model_dump()}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return "-".join([str(size), *cleaning.steps, digest[:8]])


def _read_index(directory: Path) -> dict[str, Any]:
    try:
        return json.loads((directory / _INDEX_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}


def _write_index(directory: Path, index: dict[str, Any]) -> None:
    (directory / _INDEX_FILE).write_text(json.dumps(index), encoding="utf-8")


def _build(
    catalogue: Catalogue,
    size: int,
    cleaning: CleaningConfig | None,
    directory: Path,
    workers: int | None,
) -> None:
    table = catalogue.usable()
    image_ids = table["image_id"].tolist()
    if not image_ids:
        raise UserError(f"{catalogue.root} has no kept image to cache.")
    partial = directory.with_name(directory.name + _PARTIAL_SUFFIX)
    keys = _file_keys(catalogue, table)
    with atomic_directory(directory, replace=True) as folder:
        arrays = CacheArrays.create(folder, len(image_ids), size)
        for earlier in (directory, partial):
            if known := _read_index(earlier).get("files"):
                arrays.copy_known(ImageCache.open(earlier), known, keys)

        def fill(row: int) -> None:
            image = read_image(catalogue.image_path(image_ids[row]))
            mask_path = catalogue.mask_path(image_ids[row])
            mask = None if mask_path is None else read_mask(mask_path)
            image, mask = clean(image, mask, cleaning)
            arrays.write(
                row, resize_image(image, size), mask if mask is None else resize_mask(mask, size)
            )

        index = {"image_size": size, "image_ids": image_ids, "files": keys}
        try:
            rows = np.flatnonzero(~arrays.done).tolist()
            for _ in map_in_threads(fill, rows, f"Caching at {size} px", workers):
                pass
        except KeyboardInterrupt:
            known = [key if done else None for key, done in zip(keys, arrays.done, strict=True)]
            arrays.save()
            _write_index(folder, index | {"files": known})
            shutil.rmtree(partial, ignore_errors=True)
            os.replace(folder, partial)
            raise
        settings = cleaning.model_dump() if cleaning else None
        arrays.save()
        _write_index(folder, index | {"catalogue_sha256": catalogue.sha256(), "cleaning": settings})
    shutil.rmtree(partial, ignore_errors=True)


def _file_keys(catalogue: Catalogue, table: pd.DataFrame) -> list[str]:
    """Name the present state of each row's files."""
    from skinnet_keras.data.fingerprint_store import file_key

    rows = table[["source", "path", "mask_path"]].itertuples(index=False)
    return [file_key(source, catalogue.sources[source], *paths) for source, *paths in rows]
