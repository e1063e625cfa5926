"""An export appears as a whole: artefacts, `metadata.json`, model card and `SHA256SUMS` together.

All of it is made in a folder beside the export's place. A new export takes its name in one step.
Into one that is there already, whose folder a server may have mounted, the folder is renamed as
`.publish`, complete; its files are then moved to where they belong, `SHA256SUMS` last. A process
killed between two moves leaves the rest to the next export, which moves it first of all; until
then `SHA256SUMS` says that the files do not fit together.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from skinnet_keras.atomic import staging_directory, sync_folder, sync_tree, write_json
from skinnet_keras.errors import UserError
from skinnet_keras.inference.checksums import CHECKSUM_FILE
from skinnet_keras.inference.sidecar import METADATA_FILE
from skinnet_keras.json_text import read_json_file

_PUBLISH = ".publish"
_LIST = "moves.json"
_LAST = (METADATA_FILE, CHECKSUM_FILE)


def finish_publishing(directory: Path) -> None:
    """Move what an export that was killed had ready, and remove what others left half-made.

    Args:
        directory: Folder of the exported model, which this process owns; may not exist.

    Raises:
        UserError: It is a file.
    """
    if directory.exists() and not directory.is_dir():
        raise UserError(f"{directory} is a file where an export is to be written: remove it.")
    for folder in directory.glob(".export-*"):  # the name that earlier versions gave it
        shutil.rmtree(folder)
    _move(directory)


@contextmanager
def staged_export(directory: Path, made: Collection[str]) -> Iterator[Path]:
    """Yield a folder with what the export's folder holds; publish it when the block succeeds.

    Args:
        directory: Folder of the exported model, which this process owns; may not exist.
        made: Files and folders that the block makes, relative to `directory`. They are not there
            at first; other files must not be written in place, they are links.

    Yields:
        The folder. It is deleted when the block raises.
    """
    with staging_directory(directory) as stage:
        kept = _link(directory, stage, made)
        yield stage
        if not directory.exists():
            sync_tree(stage)
            os.replace(stage, directory)
            sync_folder(directory.parent)
            return
        folders = [name for name in made if (stage / name).is_dir()]
        files = [
            name
            for name in _files(stage)
            if kept.get(name) != (stage / name).lstat().st_ino
            and not any(Path(folder) in Path(name).parents for folder in folders)
        ]
        files.sort(key=lambda name: (name in _LAST, _LAST.index(name) if name in _LAST else 0))
        moves = {
            "move": [*folders, *files],
            "remove": [name for name in kept if not os.path.lexists(stage / name)],
        }
        write_json(stage / _LIST, moves)
        sync_tree(stage)
        os.replace(stage, directory / _PUBLISH)
        sync_folder(directory)
        _move(directory)


def _move(directory: Path) -> None:
    folder = directory / _PUBLISH
    if not folder.is_dir():
        return
    if (folder / _LIST).is_file():
        moves = read_json_file(folder / _LIST)
        for name in moves["move"]:
            if os.path.lexists(folder / name):
                target = directory / name
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(folder / name, target)
        for name in moves["remove"]:
            (directory / name).unlink(missing_ok=True)
        sync_tree(directory)
        (folder / _LIST).unlink()  # what is left are links to files that have not changed
    shutil.rmtree(folder)


def _link(directory: Path, stage: Path, without: Collection[str]) -> dict[str, int]:
    """Link the files of a folder into another; path -> inode there."""
    linked = {}
    for name in _files(directory):
        if name in without:
            continue
        source, target = directory / name, stage / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            os.link(source, target, follow_symlinks=False)
        except (OSError, NotImplementedError):  # a filesystem without
            shutil.copy2(source, target, follow_symlinks=False)
        linked[name] = target.lstat().st_ino
    return linked


def _files(folder: Path) -> list[str]:
    """The files below a folder, hidden ones left out."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_symlink() or path.is_file())
    names = (path.relative_to(folder) for path in files)
    return [n.as_posix() for n in names if not any(part.startswith(".") for part in n.parts)]
