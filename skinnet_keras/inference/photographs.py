"""Photographs as users name them: files, folders of files, and what is neither.

Nothing is opened here: this comes before anything heavy is imported.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skinnet_keras.errors import UserError

_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")

# A `Path` has made one slash of two; a single letter is a drive of Windows.
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+:/")


@dataclass(frozen=True)
class FailedImage:
    """An image without an answer.

    Attributes:
        image: The file, as it was given.
        reason: One sentence that names it.
    """

    image: str
    reason: str

    def to_dict(self) -> dict[str, str]:
        """Return plain JSON values."""
        return {"image": self.image, "reason": self.reason}


@dataclass(frozen=True)
class Photographs:
    """What was meant by the words on a command line.

    Attributes:
        files: Files to read, none twice, those of a folder in alphabetical order.
        failed: Words that mean no file to read.
        notes: What was left aside in folders, a sentence each.
    """

    files: tuple[Path, ...]
    failed: tuple[FailedImage, ...]
    notes: tuple[str, ...]


def find_photographs(given: Sequence[str | Path]) -> Photographs:
    """List the photographs that are meant, and say of the rest why not.

    Args:
        given: Image files, and folders for the JPEG, PNG, BMP and TIFF files right in them.
    """
    files: dict[Path, None] = {}
    failed: dict[str, FailedImage] = {}
    notes: list[str] = []
    for word in given:
        try:
            refuse_url(word)
            path = Path(word)
            if os.path.isdir(word):  # which raises nothing, as `Path.is_dir` may
                images, note = _images_in(path)
                notes += note
            else:
                images = [path]
        except UserError as error:
            failed[str(word)] = FailedImage(str(word), str(error))
            continue
        for image in images:
            try:
                check_photograph(image)
                files[image] = None
            except UserError as error:
                failed[str(image)] = FailedImage(str(image), str(error))
    return Photographs(tuple(files), tuple(failed.values()), tuple(notes))


def refuse_url(word: str | Path) -> None:
    """Refuse an address where a path is wanted.

    Raises:
        UserError: It is one.
    """
    if _URL.match(str(word)):
        raise UserError(f"{word} is a URL: download the file and give its path.")


def check_photograph(path: Path) -> None:
    """Check that a path leads to a file that can be read to its end, whatever is in it.

    Raises:
        UserError: It does not.
    """
    try:
        status = path.stat()
    except ValueError as error:
        raise UserError(f"{str(path)!r} is no path: it holds a NUL character.") from error
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{path} does not exist: check the path.") from error
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
    if stat.S_ISDIR(status.st_mode):
        raise UserError(f"{path} is a folder, not an image file.")
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path} is a pipe or a device: save the image to a file first.")
    if status.st_size == 0:
        raise UserError(f"{path} is empty: give an intact image file.")


def refuse_equal_stems(files: Sequence[Path], kind: str) -> None:
    """Refuse photographs whose pictures would have one name.

    Args:
        files: The photographs; their stem is in the name of what is written for them.
        kind: What is written: "mask" or "overlay".

    Raises:
        UserError: Two have one stem.
    """
    stems: dict[str, Path] = {}
    for file in files:
        other = stems.setdefault(file.stem, file)
        if other is not file:
            raise UserError(
                f"{other} and {file} would write one {kind} file: rename one, or predict them into "
                "two folders."
            )


def _images_in(folder: Path) -> tuple[list[Path], list[str]]:
    """The files of a folder that are named as images, and what else is there."""
    try:
        entries = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}.") from error
    # macOS leaves files "._*" that are no images.
    named = [e for e in entries if e.suffix.lower() in _SUFFIXES and not e.name.startswith(".")]
    folders = [entry for entry in entries if entry.is_dir()]
    images = [entry for entry in named if entry not in folders]
    if not images:
        raise UserError(f"{folder} is a folder that holds no JPEG, PNG, BMP or TIFF file.")
    others = len(entries) - len(images) - len(folders)
    aside = [
        f"{count} {what}{'' if count == 1 else 's'}"
        for count, what in ((others, "other file"), (len(folders), "folder"))
        if count
    ]
    note = f"{folder}: {len(images)} images; left aside: {' and '.join(aside)}."
    return images, [note] if aside else []
