"""One process at a time writes into a folder; the others are told which one it is.

The operating system takes the lock from a process that ends, however it ends (`filelock`). A
small file beside the lock names its owner, for the message.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import platform
import shlex
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK_NAME = ".lock"
_OWNER_SUFFIX = ".json"

# Long enough for a process that was killed a moment ago to be gone.
_PATIENCE_SECONDS = 1.0
# Filesystems without `flock`: filelock's marker files, with the process and the host in them.
_NO_FLOCK = (errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP)

_held: set[tuple[int, int, Path]] = set()


@contextmanager
def own_folder(folder: Path) -> Iterator[None]:
    """Own a folder that is written into file by file: a run, a catalogue.

    The block may own it once more. A lock that a killed process left is taken over with a word.

    Args:
        folder: The folder. Where it is missing it is made, and goes again if it stays empty.

    Raises:
        UserError: Another process owns it, or it is a file.
    """
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file where a folder is to be written: choose another name.")
    with _existing(folder), _own(folder, folder / LOCK_NAME, _PATIENCE_SECONDS):
        yield


@contextmanager
def own_name(path: Path, *, wait: bool = False) -> Iterator[None]:
    """Own the name of something that is made beside its place and then renamed.

    In a folder that this thread owns there is nothing more to own.

    Args:
        path: The file or folder that will be written. Where its parent is missing it is made,
            and goes again if it stays empty.
        wait: Whether to wait for another owner to end, however long that takes.

    Raises:
        UserError: Another process owns it, and `wait` is false.
    """
    lock = path.with_name(f".{path.name}{LOCK_NAME}")
    with _existing(path.parent):
        if _owns_folder_above(path):
            yield
            return
        with _own(path, lock, -1 if wait else _PATIENCE_SECONDS):
            yield


def is_lock_file(path: Path) -> bool:
    """Tell whether a file is a lock of this module, or the note on its owner."""
    return path.name.startswith(".") and path.name.endswith((LOCK_NAME, LOCK_NAME + _OWNER_SUFFIX))


def remove_dead_lock(file: Path) -> None:
    """Remove a lock that a killed process left and nobody has taken over.

    Args:
        file: The lock file; one that is held stays.
    """
    with contextlib.suppress(UserError, OSError), _own(file, file, 0, quietly=True):
        pass


@contextmanager
def _existing(folder: Path) -> Iterator[None]:
    """Make a folder and those above it; in the end, those that were new and are empty go."""
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            for path in new:
                path.rmdir()


def _owns_folder_above(path: Path) -> bool:
    here = (os.getpid(), threading.get_ident())
    return any((*here, folder / LOCK_NAME) in _held for folder in path.resolve().parents)


@contextmanager
def _own(subject: Path, file: Path, timeout: float, *, quietly: bool = False) -> Iterator[None]:
    file = file.parent.resolve() / file.name
    key = (os.getpid(), threading.get_ident(), file)
    if key in _held:
        yield
        return
    note = file.with_name(file.name + _OWNER_SUFFIX)
    lock, is_native = _acquire(subject, file, note, timeout)
    _held.add(key)
    try:
        if not quietly and (left := _read(note)):
            _say(f"{subject} was left by {_describe(left)}, which is gone: going on with it.")
        note.write_text(json.dumps(_this_process()) + "\n", encoding="utf-8")
        yield
    finally:
        _held.discard(key)
        note.unlink(missing_ok=True)
        if is_native and os.name == "posix":
            file.unlink(missing_ok=True)  # while it is held: those who wait for it notice
        lock.release()


def _acquire(subject: Path, file: Path, note: Path, timeout: float) -> tuple[BaseFileLock, bool]:
    """Acquire the lock; the flag says whether the operating system keeps it."""
    from filelock import FileLock, SoftFileLock, Timeout

    # Unix: this module unlinks it. With the library's own fallback that would be its marker.
    native = FileLock(file, preserve_lock_file=os.name == "posix")
    try:
        try:
            return _wait_for(native, subject, note, timeout), True
        except OSError as error:
            if isinstance(error, Timeout) or error.errno not in _NO_FLOCK:
                raise
            return _wait_for(SoftFileLock(file), subject, note, timeout), False
    except Timeout as error:
        owner = _read(note)
        cure = "wait until it has ended, or stop it"
        if owner and owner.get("host") != platform.node():
            cure += f"; if it has long been gone there, remove {file}"
        raise UserError(f"{subject} is being written by {_describe(owner)}: {cure}.") from error


def _wait_for(lock: BaseFileLock, subject: Path, note: Path, timeout: float) -> BaseFileLock:
    from filelock import Timeout

    try:
        lock.acquire(timeout=_PATIENCE_SECONDS if timeout < 0 else timeout)
    except Timeout:
        if timeout >= 0:
            raise
        _say(f"Waiting for {_describe(_read(note))}, which is writing {subject}.")
        lock.acquire()
    return lock


def _this_process() -> dict[str, Any]:
    command = [Path(sys.argv[0] or "python").name, *sys.argv[1:]]
    return {
        "pid": os.getpid(),
        "host": platform.node(),
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
        "command": shlex.join(command),
    }


def _read(note: Path) -> dict[str, Any] | None:
    try:
        owner = read_json_file(note)
    except (OSError, ValueError):  # not yet, or no longer
        return None
    return owner if isinstance(owner, dict) else None


def _describe(owner: dict[str, Any] | None) -> str:
    if not owner:
        return "another process"
    return (
        f"process {owner.get('pid')} on {owner.get('host')}, since {owner.get('since')} "
        f"(`{owner.get('command')}`)"
    )


def _say(sentence: str) -> None:
    from rich.console import Console

    Console(stderr=True, highlight=False, soft_wrap=True).print(sentence, markup=False)
