"""Write to a temporary name, then rename: an interrupted command leaves nothing half-written.

What is renamed has reached the disk before, so that it is whole after a power cut, too. The
temporary names tell who writes there: what a killed process left is removed by the next one that
writes into the folder.
"""

from __future__ import annotations

import ctypes
import errno
import hashlib
import json
import os
import platform
import re
import shutil
import sys
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any

from skinnet_keras.errors import DiskFullError, UserError
from skinnet_keras.locks import LOCK_NAME, is_lock_file, own_name, remove_dead_lock

_NEW, _OLD = "~", "+"  # on its way to its name; on its way out, while another takes its name
_TEMPORARY = re.compile(r"\.([~+])([0-9a-f]{6})-(\d+)-[0-9a-f]{6}\.(.+)", re.DOTALL)
_own_names: set[str] = set()
_FOREIGN_SECONDS = 24 * 3600.0  # after which another machine's temporary file is taken for left

_FULL = {
    errno.ENOSPC: "no space is left on its disk",
    errno.EDQUOT: "the disk quota is used up",
    errno.EFBIG: "it would be larger than a file may be here",
}
# HDF5 and TensorFlow give no number but in their text; NumPy has this text alone.
_FULL_TEXT = re.compile(
    rf"errno = ({'|'.join(map(str, _FULL))})\b"
    r"|No space left on device|Disk quota exceeded|File too large|\d+ requested and \d+ written"
)


@contextmanager
def atomic_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it to `path` when the block succeeds.

    Args:
        path: Final file. Its folder is created; an existing file is replaced.

    Yields:
        The temporary path to write to. It is deleted when the block raises.

    Raises:
        DiskFullError: There is no room for it.
    """
    path = Path(path)
    with naming_full_disk(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(path.parent)
        temporary = _temporary(path, _NEW)
        try:
            yield temporary
            sync_file(temporary)
            os.replace(temporary, path)
            sync_folder(path.parent)
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

    One process at a time writes a folder of that name.

    Args:
        path: Final folder.
        replace: Whether an existing, non-empty `path` may be replaced.

    Yields:
        The temporary folder to fill. It is deleted when the block raises.

    Raises:
        UserError: `path` exists, is not empty, and `replace` is false; or another process is
            writing it.
        DiskFullError: There is no room for it.
    """
    path = Path(path)
    with own_name(path):
        remove_leftovers(path.parent)
        if path.exists() and not path.is_dir():
            raise UserError(
                f"{path} is a file where a folder is to be written: choose another name."
            )
        if not is_free(path) and not replace:
            raise UserError(f"{path} already exists and is not empty: remove it or choose another.")
        with staging_directory(path) as temporary:
            yield temporary
            sync_tree(temporary)
            if path.exists():
                _exchange(temporary, path)
            else:
                os.replace(temporary, path)
            sync_folder(path.parent)


@contextmanager
def staging_directory(path: Path) -> Iterator[Path]:
    """Yield a temporary folder beside `path`, for those who rename it themselves.

    One process at a time makes a folder of that name.

    Args:
        path: Final folder.

    Yields:
        The temporary folder to fill. In the end it is deleted, if it is still there.

    Raises:
        UserError: Another process is writing it.
        DiskFullError: There is no room for it.
    """
    with naming_full_disk(path), own_name(path):
        remove_leftovers(path.parent)
        temporary = _temporary(path, _NEW)
        temporary.mkdir()
        try:
            yield temporary
        finally:
            if temporary.exists():
                shutil.rmtree(temporary)


def is_free(folder: Path) -> bool:
    """Tell whether a folder is absent, or holds nothing but locks and what killed writers left."""
    if not folder.exists():
        return True
    remove_leftovers(folder)
    return folder.is_dir() and all(is_lock_file(path) for path in folder.iterdir())


def is_temporary(path: Path) -> bool:
    """Tell whether a name is one of this module's, of something that is not there yet."""
    return _TEMPORARY.fullmatch(path.name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove what processes that are gone were writing into a folder; once a process and folder."""
    _remove_leftovers(os.getpid(), folder.absolute())


@cache
def _remove_leftovers(_process: int, folder: Path) -> None:
    try:
        names = [entry.name for entry in os.scandir(folder) if entry.name.startswith(".")]
    except OSError:
        return
    for name in names:
        if name.endswith(LOCK_NAME):
            remove_dead_lock(folder / name)
        match = _TEMPORARY.fullmatch(name)
        path = folder / name
        if match is None or not _is_left(path, match[2], int(match[3])):
            continue
        with suppress(OSError):
            if match[1] == _OLD and not (folder / match[4]).exists():
                os.replace(path, folder / match[4])  # killed between the two renames
            elif path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _is_left(path: Path, machine: str, process: int) -> bool:
    if machine != _machine() or os.name != "posix":
        try:
            return path.lstat().st_mtime < time.time() - _FOREIGN_SECONDS
        except OSError:
            return False
    if process == os.getpid():  # in a container, the number of the one before, too
        return path.name not in _own_names
    return not _is_alive(process)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:  # ended, and nobody has asked how
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return True


@cache
def _machine() -> str:
    """Six characters for the place where process numbers mean the same."""
    try:
        namespace = os.stat("/proc/self/ns/pid").st_ino  # a container's processes
    except OSError:
        namespace = 0
    return hashlib.sha256(f"{platform.node()}:{namespace}".encode()).hexdigest()[:6]


def _temporary(path: Path, kind: str) -> Path:
    # The suffix is kept: Keras, Pillow and pandas choose the format by it.
    name = f".{kind}{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:6]}.{path.name}"
    _own_names.add(name)
    return path.with_name(name)


@contextmanager
def naming_full_disk(path: Path) -> Iterator[None]:
    """Turn what the many writers raise on a full disk into one sentence that names the file.

    Args:
        path: What is being written.

    Raises:
        DiskFullError: The block failed for want of room.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        reason = _why_full(error)
        if reason is None:
            raise
        raise DiskFullError(
            f"{path} cannot be written: {reason}; make room and go on with the command again: "
            "what was finished before is kept."
        ) from error


def reserve(path: Path, size: int) -> None:
    """Make sure that there is room for a file, for writers that a full disk would crash.

    Args:
        path: The file, which is made where it is missing; the writer may truncate it.
        size: Bytes.

    Raises:
        OSError: There is no room.
    """
    if not hasattr(os, "posix_fallocate"):
        return
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        os.posix_fallocate(descriptor, 0, size)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):  # a filesystem without it
            raise
    finally:
        os.close(descriptor)


def _why_full(error: BaseException | None) -> str | None:
    while error is not None:
        if isinstance(error, OSError) and error.errno in _FULL:
            return _FULL[error.errno]
        if match := _FULL_TEXT.search(str(error)):
            return _FULL[int(match[1])] if match[1] else _FULL[errno.ENOSPC]
        error = error.__cause__ or error.__context__
    return None


def sync_tree(folder: Path) -> None:
    """Bring a folder and all that is in it to the disk."""
    for root, _, files in os.walk(folder):
        for name in files:
            sync_file(Path(root, name))
        sync_folder(Path(root))


def sync_file(path: Path) -> None:
    """Bring a file to the disk."""
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):  # a filesystem without it
            raise
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk."""
    if os.name == "posix":
        sync_file(folder)


def _exchange(new: Path, path: Path) -> None:
    """Put a folder in the place of another, which afterwards has the name of the first or none."""
    if _rename_exchange(new, path):
        return
    old = _temporary(path, _OLD)
    os.replace(path, old)
    os.replace(new, path)
    shutil.rmtree(old)


def _rename_exchange(a: Path, b: Path) -> bool:
    """Let two folders change names in one step, where the system can do that (Linux)."""
    if sys.platform != "linux":
        return False
    try:
        rename = ctypes.CDLL(None, use_errno=True).renameat2
    except (OSError, AttributeError):
        return False
    here, exchange = -100, 2  # AT_FDCWD, RENAME_EXCHANGE
    return rename(here, os.fsencode(a), here, os.fsencode(b), exchange) == 0
