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
from rich.console import Console

from skinnet_keras.atomic import atomic_directory, atomic_file, remove_leftovers
from skinnet_keras.data.cache_arrays import CacheArrays, Content, EarlierCache
from skinnet_keras.data.cleaning import METHODS_VERSION, clean
from skinnet_keras.data.image_io import resize_image, resize_mask
from skinnet_keras.data.image_masks import MASK_RULES, read_masked
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file
from skinnet_keras.locks import own_name

# Data worker processes only open a cache; pandas, pydantic and SciPy would slow them.
if TYPE_CHECKING:
    import pandas as pd

    from skinnet_keras.config import CleaningConfig
    from skinnet_keras.data.catalogue import Catalogue

_INDEX_FILE = "index.json"
_PARTIAL_SUFFIX = ".partial"
# In the index: the state of each row's files when they were read, and what they held.
_FILES, _CONTENTS = "files", "contents"
_DIGEST_LENGTH = 32  # hexadecimal digits of SHA-256 that are kept


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
        index = read_json_file(directory / _INDEX_FILE)
        return cls(
            directory,
            np.load(directory / "images.npy", mmap_mode="r"),
            np.load(directory / "masks.npy", mmap_mode="r"),
            np.load(directory / "has_mask.npy"),
            index["image_ids"],
        )

    def contents(self) -> dict[str, Content]:
        """Return what the files of each image held when they were decoded, by `image_id`."""
        held = _read_index(self.directory)[_CONTENTS]
        return {name: Content(*own) for name, own in zip(self.image_ids, held, strict=True)}

    def digests(self) -> dict[str, str]:
        """Return one digest of what all image files held, and one of all mask files.

        Keys are `images_sha256` and `masks_sha256`. They do not depend on the size, the cleaning
        or the order of the rows, nor on where the files lie.
        """
        held = sorted(self.contents().items())
        return {
            f"{name}s_sha256": hashlib.sha256(
                json.dumps([(key, getattr(content, name)) for key, content in held]).encode()
            ).hexdigest()
            for name in Content._fields
        }

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
    table. It follows the files: whenever it is opened, size and modification time of every image
    and mask are compared; where they changed, the file is read, and decoded again if it holds
    other bytes. How many were is said on stderr. Files that are gone are taken as they were. A
    build that fails leaves nothing behind; one that is interrupted from the keyboard leaves what
    it has done to the next build. Where another process builds the same one, this waits for it.

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
    table = catalogue.usable()
    if table.empty:
        raise UserError(f"{catalogue.root} has no kept image to cache.")
    if not _survey(catalogue, table, directory).current:
        with own_name(directory, wait=True):
            # Surveyed again: another process may have built it meanwhile.
            _update(catalogue, table, image_size, cleaning, directory, workers)
    return ImageCache.open(directory)


def _folder_name(size: int, cleaning: CleaningConfig | None) -> str:
    if cleaning is None:
        return str(size)
    settings = {"version": METHODS_VERSION, **cleaning.model_dump()}
    digest = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()
    return "-".join([str(size), *cleaning.steps, digest[:8]])


def _read_index(directory: Path) -> dict[str, Any]:
    try:
        index = read_json_file(directory / _INDEX_FILE)
    except (OSError, ValueError):
        return {}
    return index if isinstance(index, dict) else {}


def _write_index(directory: Path, index: dict[str, Any]) -> None:
    with atomic_file(directory / _INDEX_FILE) as temporary:
        temporary.write_text(json.dumps(index), encoding="utf-8")


@dataclass(frozen=True)
class _Survey:
    """A cache's index, and what its rows and the states of their files would be today."""

    index: dict[str, Any]
    image_ids: list[str]
    keys: list[str]

    @property
    def same_images(self) -> bool:
        return _FILES in self.index and self.index["image_ids"] == self.image_ids

    @property
    def current(self) -> bool:
        return self.same_images and self.index[_FILES] == self.keys and _CONTENTS in self.index


def _survey(catalogue: Catalogue, table: pd.DataFrame, directory: Path) -> _Survey:
    from skinnet_keras.data.fingerprint_store import file_key

    index = _read_index(directory)
    known = dict(zip(index.get("image_ids", ()), index.get(_FILES, ()), strict=False))
    rows = table[["image_id", "source", "path", "mask_path"]].itertuples(index=False)
    # Decoding says it where a source has no folder.
    keys = [
        file_key(source, catalogue.sources.get(source, Path()), *paths, before=known.get(image_id))
        for image_id, source, *paths in rows
    ]
    return _Survey(index, table["image_id"].tolist(), keys)


def _update(
    catalogue: Catalogue,
    table: pd.DataFrame,
    size: int,
    cleaning: CleaningConfig | None,
    directory: Path,
    workers: int | None,
) -> None:
    """Bring a cache up to date, unless another process has just done so."""
    survey = _survey(catalogue, table, directory)
    if survey.current or (
        survey.same_images and _only_touched(catalogue, directory, survey, workers)
    ):
        return
    _build(catalogue, survey.image_ids, survey.keys, size, cleaning, directory, workers)


def _only_touched(
    catalogue: Catalogue, directory: Path, survey: _Survey, workers: int | None
) -> bool:
    """Whether the files hold what they held; new times, as copies have them, are noted."""
    index, files = survey.index, survey.index[_FILES]
    rows = [row for row, key in enumerate(survey.keys) if key != files[row]]
    contents = index.get(_CONTENTS)
    if contents is None:  # a cache of an earlier version
        if rows:
            return False
        contents, rows = [None] * len(files), list(range(len(files)))
    found = map_in_threads(
        lambda row: _content(catalogue, survey.image_ids[row]),
        rows,
        "Looking at changed files",
        workers,
    )
    for row, content in zip(rows, list(found), strict=True):
        if contents[row] not in (None, list(content)):
            return False
        contents[row] = content
    _write_index(directory, index | {_FILES: survey.keys, _CONTENTS: contents})
    return True


def _build(
    catalogue: Catalogue,
    image_ids: list[str],
    keys: list[str],
    size: int,
    cleaning: CleaningConfig | None,
    directory: Path,
    workers: int | None,
) -> None:
    partial = directory.with_name(directory.name + _PARTIAL_SUFFIX)
    earlier = [found for folder in (directory, partial) if (found := _earlier(folder))]
    decoded_again: list[str] = []
    with atomic_directory(directory, replace=True) as folder:
        arrays = CacheArrays.create(folder, len(image_ids), size)
        for cache in earlier:
            arrays.copy_known(cache, keys)

        def fill(row: int) -> None:
            image_id = image_ids[row]
            content = _content(catalogue, image_id)
            if not arrays.done[row] and not any(
                arrays.copy_content(row, cache, content) for cache in earlier
            ):
                read = read_masked(catalogue.image_path(image_id), catalogue.mask_path(image_id))
                image, mask = clean(read.rgb, read.mask, cleaning)
                arrays.write(
                    row,
                    resize_image(image, size),
                    mask if mask is None else resize_mask(mask, size),
                )
                if any(image_id in cache.image_ids for cache in earlier):
                    decoded_again.append(image_id)
            arrays.contents[row] = content

        index = {"image_size": size, "image_ids": image_ids, _CONTENTS: arrays.contents}
        try:
            rows = [row for row, content in enumerate(arrays.contents) if content is None]
            for _ in map_in_threads(fill, rows, f"Caching at {size} px", workers):
                pass
        except KeyboardInterrupt:
            known = [key if done else None for key, done in zip(keys, arrays.done, strict=True)]
            arrays.save()
            _write_index(folder, index | {_FILES: known})
            shutil.rmtree(partial, ignore_errors=True)
            os.replace(folder, partial)
            raise
        settings = cleaning.model_dump() if cleaning else None
        arrays.save()
        _write_index(folder, index | {_FILES: keys, "cleaning": settings})
    shutil.rmtree(partial, ignore_errors=True)
    if decoded_again:
        Console(stderr=True, highlight=False, soft_wrap=True).print(
            f"{len(decoded_again):,} of {len(image_ids):,} images were decoded again for "
            f"{directory}: they or their masks changed since, or an earlier version read them.",
            markup=False,
        )


def _earlier(folder: Path) -> EarlierCache | None:
    index = _read_index(folder)
    if _FILES not in index:
        return None
    contents = index.get(_CONTENTS) or [None] * len(index[_FILES])
    held = [None if content is None else Content(*content) for content in contents]
    return EarlierCache(ImageCache.open(folder), index[_FILES], held)


def _content(catalogue: Catalogue, image_id: str) -> Content:
    mask_path = catalogue.mask_path(image_id)
    mask = f"{_digest(mask_path)}:{MASK_RULES}" if mask_path else ""
    return Content(_digest(catalogue.image_path(image_id)), mask)


def _digest(path: Path) -> str:
    """Digest of a file, "" where it is missing; what else is wrong with it, decoding says."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGEST_LENGTH]
    except OSError:
        return ""
