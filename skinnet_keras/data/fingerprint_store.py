"""Fingerprints kept on disk, so that a build reads only images that are new or have changed.

The store lies in the catalogue's folder, as a few NumPy archives and a journal. A build writes
every fingerprint to the journal at once, and an archive every `ROWS_A_FILE` images: one that was
killed goes on where it was.
"""

from __future__ import annotations

import base64
import json
import os
import zipfile
from collections.abc import Collection, Iterator, Mapping
from dataclasses import fields
from io import FileIO
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.atomic import atomic_directory, atomic_file, naming_full_disk
from skinnet_keras.data.fingerprints import FINGERPRINT_VERSION, Fingerprint
from skinnet_keras.data.image_masks import MASK_RULES
from skinnet_keras.json_text import parse_json

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
        for path in sorted(folder.glob(f"{self._prefix}*.npz")):
            self._known |= _read(path)
        # Only the journal has them as yet.
        self._new = dict(_read_journal(self._journal))
        self._known |= self._new
        self._open_journal: FileIO | None = None

    @property
    def _prefix(self) -> str:
        return f"v{FINGERPRINT_VERSION}-"

    @property
    def _journal(self) -> Path:
        return self._folder / f"{self._prefix}journal.jsonl"

    def get(self, key: str) -> Fingerprint | None:
        """Return the fingerprint of that key, or None."""
        return self._known.get(key)

    def add(self, key: str, item: Fingerprint) -> None:
        """Keep a fingerprint.

        Raises:
            DiskFullError: There is no room for it.
        """
        with naming_full_disk(self._folder):
            if self._open_journal is None:
                self._folder.mkdir(parents=True, exist_ok=True)
                # Unbuffered: what a killed process has written, the system has.
                self._open_journal = self._journal.open("ab", buffering=0)
            line = b"\n" + _line(key, item)  # after the half line of a killed process
            while line:
                line = line[self._open_journal.write(line) :]
        self._known[key] = self._new[key] = item
        if len(self._new) >= ROWS_A_FILE:
            self.flush()

    def flush(self) -> None:
        """Move what is in the journal alone into an archive."""
        if self._new:
            numbers = [0, *(_number(path) for path in self._folder.glob(f"{self._prefix}*.npz"))]
            self._write(self._folder, max(numbers) + 1, self._new)
            self._new = {}
        if self._open_journal is not None:
            self._open_journal.close()
            self._open_journal = None
        self._journal.unlink(missing_ok=True)

    def _write(self, folder: Path, number: int, items: Mapping[str, Fingerprint]) -> None:
        columns: dict[str, Any] = {_KEYS: np.array(list(items))}
        for name in _NAMES:
            columns[name] = np.array([getattr(item, name) for item in items.values()])
        with atomic_file(folder / f"{self._prefix}{number:04d}.npz") as temporary:
            np.savez(temporary, **columns)

    def keep_only(self, keys: Collection[str]) -> None:
        """Write what has not been written, and forget files that have gone or changed."""
        self.flush()
        if self._known.keys() <= set(keys):
            return
        self._known = {key: self._known[key] for key in keys if key in self._known}
        items = list(self._known.items())
        with atomic_directory(self._folder, replace=True) as folder:
            for start in range(0, len(items), ROWS_A_FILE):
                number = start // ROWS_A_FILE + 1
                self._write(folder, number, dict(items[start : start + ROWS_A_FILE]))


def _number(archive: Path) -> int:
    number = archive.stem.rpartition("-")[2]
    return int(number) if number.isdecimal() else 0


def _line(key: str, item: Fingerprint) -> bytes:
    """One fingerprint as a line of the journal; arrays as their bytes."""
    values = {name: getattr(item, name) for name in _NAMES}
    for name, value in values.items():
        if isinstance(value, np.ndarray):
            data = base64.b64encode(value.tobytes()).decode()
            values[name] = {"dtype": value.dtype.str, "shape": value.shape, "data": data}
    return json.dumps({_KEYS: key, **values}).encode()


def _read_journal(path: Path) -> Iterator[tuple[str, Fingerprint]]:
    """The fingerprints of a journal; the line a killed process was writing is left out."""
    try:
        lines = path.read_bytes().splitlines()
    except OSError:
        return
    for line in lines:
        try:
            content = parse_json(line)
            key = content[_KEYS]
            item = Fingerprint(**{name: _from_json(content[name]) for name in _NAMES})
        except (ValueError, KeyError, TypeError):
            continue
        yield key, item


def _from_json(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    data = np.frombuffer(base64.b64decode(value["data"]), np.dtype(value["dtype"]))
    return data.reshape(value["shape"]).copy()


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
