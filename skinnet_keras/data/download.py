"""Download the openly available data sets into the layout their readers know.

The addresses of `citations.toml` were never exercised (no network where this was written); the
code was, against a local server.
"""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from skinnet_keras.data.citations import DataSet, RemoteFile
from skinnet_keras.data.download_archive import unpack
from skinnet_keras.data.download_http import NotServedError, ResumingDownloader
from skinnet_keras.errors import UserError
from skinnet_keras.locks import own_folder

if TYPE_CHECKING:
    from rich.progress import Progress

# Lines "FILE HASH" (pooch's registry format), HASH as sha256:... or md5:...; they rule over the
# table's checksums.
CHECKSUMS_FILE = "checksums.txt"
_WORK_FOLDER = ".download"


@dataclass(frozen=True)
class Plan:
    """What a download has to do.

    Attributes:
        folder: The data set's folder.
        missing: Files to fetch.
        present: Files that an earlier download left, unpacked.
    """

    folder: Path
    missing: tuple[RemoteFile, ...]
    present: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes to fetch, as far as the table knows them."""
        return sum(file.size or 0 for file in self.missing)


@dataclass(frozen=True)
class Downloaded:
    """What a download did.

    Attributes:
        folder: The data set's folder.
        fetched: Names of the files it fetched.
        pinned: Name -> "sha256:..." of those without a known checksum, now in `checksums.txt`.
    """

    folder: Path
    fetched: list[str] = field(default_factory=list)
    pinned: dict[str, str] = field(default_factory=dict)


def plan_download(data_set: DataSet, out: str | Path, parts: Sequence[str] = ()) -> Plan:
    """List what is to be fetched to `out/<name>`.

    Args:
        data_set: One whose files are openly available.
        out: Folder for all data sets.
        parts: Names among `data_set.parts`; by default those its reader uses.

    Raises:
        UserError: The data set cannot be downloaded, or has no such part.
    """
    if not data_set.files:
        raise UserError(
            f"{data_set.name} cannot be downloaded by a program: "
            f"`skinnet data download {data_set.name}` says how to get it."
        )
    for part in parts:
        if part not in data_set.parts:
            raise UserError(
                f"{data_set.name} has no part {part!r}: use {', '.join(data_set.parts)}."
            )
    folder = Path(out) / data_set.name
    wanted = [file for file in data_set.files if file.part in (parts or data_set.default_parts)]
    present = [file for file in wanted if (folder / file.target).exists()]
    return Plan(folder, tuple(file for file in wanted if file not in present), tuple(present))


def run_download(plan: Plan) -> Downloaded:
    """Fetch, check and unpack the missing files, with progress on stderr.

    Archives are unpacked to a folder of their name and deleted. What an interruption leaves in
    `.download` is used by the next run. A file without a known checksum is pinned: its SHA-256
    goes to `checksums.txt`, which later downloads are checked against.

    Raises:
        UserError: No network, no such file, a wrong checksum, a broken or unsafe archive, or too
            little room on the disk, or another process downloads there; what came already is kept,
            except for a wrong file.
    """
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

    _check_room(plan)
    done = Downloaded(plan.folder)
    work = plan.folder / _WORK_FOLDER
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=20),
        DownloadColumn(),
        TimeRemainingColumn(compact=True),
    )
    with (
        own_folder(plan.folder),
        Progress(*columns, console=Console(stderr=True)) as progress,
    ):
        for file in plan.missing:
            work.mkdir(parents=True, exist_ok=True)
            pins = _read_checksums(plan.folder)
            known_hash = pins.get(file.name) or file.known_hash
            path = _fetch(file, work, known_hash, progress)
            seen = known_hash or _sha256(path)
            if file.is_archive:
                _unpack(path, plan.folder / file.target, progress)
            else:
                path.replace(plan.folder / file.target)
            done.fetched.append(file.name)
            if known_hash is None:
                _pin(file.name, seen, plan.folder)
                done.pinned[file.name] = seen
    for leftover in work.glob("tmp*"):  # pooch's, of a run that was killed
        leftover.unlink()
    if work.is_dir() and not any(work.iterdir()):
        work.rmdir()
    return done


def _fetch(file: RemoteFile, work: Path, known_hash: str | None, progress: Progress) -> Path:
    """Return the downloaded file in `work`, from the first address that has it."""
    task = progress.add_task(file.name, total=file.size)

    def wait(seconds: float) -> None:
        progress.console.print(f"{file.name}: interrupted, trying again in {seconds:.0f} s")
        time.sleep(seconds)

    downloader = ResumingDownloader(
        work / f"{file.name}.part",
        lambda done, total: progress.update(task, completed=done, total=total),
        wait=wait,
    )
    for url in file.urls[:-1]:
        with suppress(NotServedError):
            return _retrieve(url, file.name, work, known_hash, downloader)
    return _retrieve(file.urls[-1], file.name, work, known_hash, downloader)


def _retrieve(
    url: str, name: str, work: Path, known_hash: str | None, downloader: ResumingDownloader
) -> Path:
    import pooch

    pooch.get_logger().setLevel(logging.WARNING)
    try:
        return Path(pooch.retrieve(url, known_hash, fname=name, path=work, downloader=downloader))
    except ValueError as error:  # how pooch reports a wrong checksum
        raise UserError(
            f"{error} If its publisher replaced the file, write the line "
            f'"{name} <algorithm>:<checksum>" into {work.parent / CHECKSUMS_FILE} and run the '
            "command again."
        ) from error


def _unpack(archive: Path, folder: Path, progress: Progress) -> None:
    task = progress.add_task(f"unpack {archive.name}", total=None)
    unpack(archive, folder, lambda done, total: progress.update(task, completed=done, total=total))
    archive.unlink()


def _check_room(plan: Plan) -> None:
    """Compare the free space with what the unpacked files and the largest archive take."""
    from rich.filesize import decimal

    sizes = [file.size or 0 for file in plan.missing]
    work = plan.folder / _WORK_FOLDER
    there = sum(path.stat().st_size for path in work.glob("*") if path.is_file())
    needed = sum(sizes) + max(sizes, default=0) - there
    parent = next(path for path in (plan.folder, *plan.folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(parent).free
    if needed > free:
        raise UserError(
            f"{plan.folder} needs about {decimal(needed)} and {decimal(free)} are free: make room "
            "or choose another folder with --out."
        )


def _read_checksums(folder: Path) -> dict[str, str]:
    path = folder / CHECKSUMS_FILE
    if not path.is_file():
        return {}
    lines = [line.split() for line in path.read_text(encoding="utf-8").splitlines()]
    lines = [words for words in lines if words and not words[0].startswith("#")]
    for words in lines:
        if len(words) != 2:
            raise UserError(f"{path}: the line {' '.join(words)!r} is not of the form FILE HASH.")
    return dict(lines)


def _sha256(path: Path) -> str:
    import pooch

    return f"sha256:{pooch.file_hash(str(path))}"


def _pin(name: str, checksum: str, folder: Path) -> None:
    with (folder / CHECKSUMS_FILE).open("a", encoding="utf-8") as file:
        file.write(f"{name} {checksum}\n")
