"""Write to a temporary name, then rename: an interrupted command leaves nothing half-written."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skinnet_keras.errors import UserError


def _temporary(path: Path) -> Path:
    # The suffix is kept: Keras, Pillow and pandas choose the format by it.
    return path.with_name(f".{uuid.uuid4().hex[:8]}.{path.name}")


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    Args:
        path: Final file. Its folder is created; an existing file is replaced.

    Yields:
        The temporary path to write to. It is deleted when the block raises.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: str | Path, content: Any, *, allow_nan: bool = True) -> None:
    """Write an indented JSON file, whole or not at all.

    Args:
        path: Final file. Its folder is created; an existing file is replaced.
        content: Plain Python values.
        allow_nan: Whether NaN and infinities, which are no JSON, may be in it.

    Raises:
        ValueError: They may not, and are.
    """
    text = json.dumps(content, indent=2, allow_nan=allow_nan) + "\n"
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


@contextmanager
def atomic_directory(path: str | Path, *, replace: bool = False) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; rename it to `path` when the block succeeds.

    Args:
        path: Final folder.
        replace: Whether an existing, non-empty `path` may be replaced.

    Yields:
        The temporary folder to fill. It is deleted when the block raises.

    Raises:
        UserError: `path` exists, is not empty, and `replace` is false.
    """
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file where a folder is to be written: choose another name.")
    if path.is_dir() and any(path.iterdir()) and not replace:
        raise UserError(f"{path} already exists and is not empty: remove it or choose another.")
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    temporary.mkdir()
    try:
        yield temporary
        if path.exists():
            old = _temporary(path)
            os.replace(path, old)
            os.replace(temporary, path)
            shutil.rmtree(old)
        else:
            os.replace(temporary, path)
    finally:
        if temporary.exists():
            shutil.rmtree(temporary)
