"""Unpack a downloaded archive without trusting it.

No member may leave the folder, be a link or a device, or be there twice; the unpacked size is
bounded. The members are written to a temporary folder that takes its final name when all are there.
"""

from __future__ import annotations

import errno
import os
import shutil
import stat
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path, PurePosixPath
from typing import IO, cast

from skinnet_keras.atomic import sync_tree
from skinnet_keras.errors import UserError

# JPEG and PNG hardly compress, CSV about 10 times; DEFLATE can reach 1,000 times.
MAX_RATIO = 100
# What file managers leave in archives; macOS's twins "._name.png" would be taken for images.
_JUNK = ("__MACOSX", ".DS_Store", "Thumbs.db")
_CHUNK = 1 << 20
_BROKEN = (zipfile.BadZipFile, zlib.error, tarfile.TarError, EOFError, NotImplementedError)


@dataclass(frozen=True)
class _Member:
    name: str
    size: int
    open: Callable[[], IO[bytes]]


def unpack(archive: Path, folder: Path, on_progress: Callable[[int, int], None]) -> None:
    """Unpack a zip or tar archive to a new folder.

    Where all members share one outer folder, that folder is left out: `folder` takes its place.

    Args:
        archive: A .zip, .tar, .tar.gz or .tgz file.
        folder: Does not exist yet.
        on_progress: Called with the bytes written and the bytes in all.

    Raises:
        UserError: The archive is broken, unsafe or too large for its file or the disk.
    """
    staging = archive.with_name(f"{archive.name}.unpacking")
    shutil.rmtree(staging, ignore_errors=True)  # an earlier, interrupted run's
    try:
        with _members(archive) as members:
            _extract(members, archive, staging, on_progress)
        content = list(staging.iterdir())
        only_folder = len(content) == 1 and content[0].is_dir()
        sync_tree(staging)
        os.replace(content[0] if only_folder else staging, folder)
    except _BROKEN as error:
        archive.unlink()
        raise UserError(
            f"{archive.name} is broken ({error}) and was deleted: run the command again."
        ) from error
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise UserError(
            f"The disk is full: make room and run the command again; {archive} is kept."
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)


@contextmanager
def _members(archive: Path) -> Iterator[list[_Member]]:
    """Yield the files inside; they can be opened while the block lasts."""
    if archive.name.endswith(".zip"):
        with zipfile.ZipFile(archive) as opened_zip:
            yield list(_zip_members(opened_zip))
    else:
        with tarfile.open(archive) as opened_tar:
            yield list(_tar_members(opened_tar))


def _zip_members(archive: zipfile.ZipFile) -> Iterator[_Member]:
    for info in archive.infolist():
        if info.flag_bits & 0x1:
            raise UserError(f"{info.filename} in the archive is encrypted: unpack it by hand.")
        if stat.S_IFMT(info.external_attr >> 16) not in (0, stat.S_IFREG, stat.S_IFDIR):
            raise UserError(f"{info.filename} in the archive is no plain file: not unpacked.")
        if not info.is_dir():
            yield _Member(info.filename, info.file_size, partial(archive.open, info))


def _tar_members(archive: tarfile.TarFile) -> Iterator[_Member]:
    for info in archive:
        if not (info.isreg() or info.isdir()):
            raise UserError(f"{info.name} in the archive is no plain file: not unpacked.")
        if info.isreg():
            opener = cast("Callable[[], IO[bytes]]", partial(archive.extractfile, info))
            yield _Member(info.name, info.size, opener)  # a regular file always opens


def _extract(
    members: list[_Member],
    archive: Path,
    staging: Path,
    on_progress: Callable[[int, int], None],
) -> None:
    members = [member for member in members if not _is_junk(member.name)]
    wanted = {_safe_path(member.name): member for member in members}
    total = sum(member.size for member in members)
    if total > MAX_RATIO * archive.stat().st_size:
        raise UserError(
            f"{archive.name} would unpack to {total:,} bytes, more than {MAX_RATIO} times its own "
            "size: it is not unpacked."
        )
    free = shutil.disk_usage(archive.parent).free
    if total > free:
        raise UserError(
            f"{archive.name} unpacks to {total:,} bytes and {free:,} are free: make room and run "
            f"the command again; {archive} is kept."
        )
    if len(wanted) != len(members):
        raise UserError(f"{archive.name} names a file twice: it is not unpacked.")
    if not wanted:
        raise UserError(f"{archive.name} is empty: it is not what was expected.")
    staging.mkdir()
    done = 0
    for path, member in wanted.items():
        target = staging / path
        target.parent.mkdir(parents=True, exist_ok=True)
        left = member.size
        with member.open() as source, target.open("xb") as file:
            while piece := source.read(_CHUNK):
                left -= len(piece)
                if left < 0:
                    raise UserError(f"{member.name} is larger than {archive.name} says.")
                file.write(piece)
                done += len(piece)
                on_progress(done, total)


def _safe_path(name: str) -> Path:
    path = PurePosixPath(name)
    unsafe = path.is_absolute() or ".." in path.parts or any(c in name for c in "\\:\0")
    if unsafe or not path.parts:
        raise UserError(f"The archive's member {name!r} would leave the folder: not unpacked.")
    return Path(*path.parts)


def _is_junk(name: str) -> bool:
    parts = PurePosixPath(name).parts
    return any(part in _JUNK or part.startswith("._") for part in parts)
