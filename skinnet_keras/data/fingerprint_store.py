"""Fingerprints kept on disk, so that a build reads only images that are new or have changed.

The store lies in the catalogue's folder, as a few NumPy archives. A build adds one every
`ROWS_A_FILE` images: one that was interrupted goes on where it was.
"""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Collection, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.fingerprints import FINGERPRINT_VERSION, Fingerprint
from skinnet_keras.data.image_masks import MASK_RULES

ROWS_A_FILE = 2000

_KEYS = "keys"
_NAMES = tuple(field.name for field in fields(Fingerprint))


def file_key(
    source: str, root: Path, path: str, mask_path: str, *, before: str | None = None
) -> str:
    """Name the present state of an image and its mask: where they lie, their size and time.

    Args:
        source: The source's name.
        root: The source's folder; not part of the key, so a moved data set is still known.
        path: The image, relative to `root`.
        mask_path: Its mask, likewise, or "".
        before: An earlier key; if it is of the same paths, a file that is missing now counts as
            it was then.
    """
    image, mask = f"{source}|{path}|", f"|{mask_path}|"
    state = _file_state(root / path)
    mask_state = _file_state(root / mask_path) if mask_path else ""
    if mask_state:
        mask_state += f":{MASK_RULES}"
    if before and before.startswith(image) and not (state and (mask_state or not mask_path)):
        earlier, found, earlier_mask = before.removeprefix(image).partition(mask)
        if found:
            state, mask_state = state or earlier, mask_state or earlier_mask
    return f"{image}{state}{mask}{mask_state}"


def _file_state(path: Path) -> str:
    try:
        state = os.stat(path)
    except OSError:
        return ""
    return f"{state.st_size}:{state.st_mtime_ns}"


class FingerprintStore:
    """A folder of fingerprints by `file_key`.

    Files of another `FINGERPRINT_VERSION`, and damaged ones, count as absent.

    Args:
        folder: The folder; made with the first fingerprint that is written.
    """

    def __init__(self, folder: Path):
        self._folder = folder
        self._known: dict[str, Fingerprint] = {}
        self._new: dict[str, Fingerprint] = {}
        for path in sorted(folder.glob(f"{self._prefix}*.npz")):
            self._known |= _read(path)

    @property
    def _prefix(self) -> str:
        return f"v{FINGERPRINT_VERSION}-"

    def get(self, key: str) -> Fingerprint | None:
        """Return the fingerprint of that key, or None."""
        return self._known.get(key)

    def add(self, key: str, item: Fingerprint) -> None:
        """Keep a fingerprint, on disk from time to time."""
        self._known[key] = self._new[key] = item
        if len(self._new) >= ROWS_A_FILE:
            self.flush()

    def flush(self) -> None:
        """Write what has not been written."""
        if self._new:
            number = len(list(self._folder.glob(f"{self._prefix}*.npz")))
            self._write(number, self._new)
            self._new = {}

    def _write(self, number: int, items: Mapping[str, Fingerprint]) -> None:
        columns: dict[str, Any] = {_KEYS: np.array(list(items))}
        for name in _NAMES:
            columns[name] = np.array([getattr(item, name) for item in items.values()])
        with atomic_file(self._folder / f"{self._prefix}{number:04d}.npz") as temporary:
            np.savez(temporary, **columns)

    def keep_only(self, keys: Collection[str]) -> None:
        """Write what has not been written, and forget files that have gone or changed."""
        if self._known.keys() <= set(keys):
            self.flush()
            return
        shutil.rmtree(self._folder, ignore_errors=True)
        wanted, self._known, self._new = self._known, {}, {}
        for key in keys:
            if key in wanted:
                self.add(key, wanted[key])
        self.flush()


def _read(path: Path) -> dict[str, Fingerprint]:
    try:
        with np.load(path) as archive:
            keys = archive[_KEYS].tolist()
            columns = [archive[name] for name in _NAMES]
    except (OSError, ValueError, KeyError, zipfile.BadZipFile):
        return {}
    rows = zip(*(_values(column) for column in columns), strict=True)
    return {key: Fingerprint(*row) for key, row in zip(keys, rows, strict=True)}


def _values(column: np.ndarray) -> list:
    """Arrays stay arrays; text and numbers become Python's own."""
    return list(column) if column.ndim > 1 else column.tolist()
