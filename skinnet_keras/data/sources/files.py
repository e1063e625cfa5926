"""Finding a data set's files, however deep its archive was unpacked."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

from skinnet_keras.errors import UserError

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")
_LEVELS_BELOW = 3
_ADVICE = "give the folder the data set was unpacked to"


def find_file(root: Path, *names: str) -> Path:
    """Return the first file of `names` in `root` or up to three folders below; shallow ones first.

    Raises:
        UserError: There is none.
    """
    for name in names:
        for folder in _tree(root):
            if (folder / name).is_file():
                return folder / name
    raise UserError(f"{root} has no file {' or '.join(names)}: {_ADVICE}.")


def has_file(root: Path, *names: str) -> bool:
    """Tell whether `find_file` finds one."""
    return any((folder / name).is_file() for folder in _tree(root) for name in names)


def find_folders(root: Path, *names: str) -> list[Path]:
    """Return the folders in `root` or up to three folders below that match a glob of `names`.

    Upper and lower case are alike: PH2's folder is spelt in two ways.
    """
    patterns = [name.lower() for name in names]
    return [
        folder
        for folder in _tree(root)
        if folder != root and any(fnmatchcase(folder.name.lower(), own) for own in patterns)
    ]


def has_folder(root: Path, *names: str) -> bool:
    """Tell whether `find_folders` finds one."""
    return bool(find_folders(root, *names))


def need_folders(root: Path, *names: str) -> list[Path]:
    """Return what `find_folders` finds; nothing is a UserError."""
    found = find_folders(root, *names)
    if not found:
        raise missing_folder(root, *names)
    return found


def missing_folder(root: Path, *names: str) -> UserError:
    """Return the error that says which folder is missing."""
    return UserError(f"{root} has no folder {' or '.join(names)}: {_ADVICE}.")


def images_below(folder: Path) -> list[Path]:
    """List the image files in a folder and below, in order.

    Left out: superpixel maps (`*_superpixels.png` of the ISIC-2017 archives) and what macOS
    leaves in archives (`__MACOSX` folders, `._*` files).
    """
    found = []
    for parent, folders, names in os.walk(folder):
        # What is taken out of the list, os.walk does not enter.
        folders[:] = [name for name in folders if not _is_litter(name)]
        found += [Path(parent, name) for name in names if _is_image(name)]
    return sorted(found)


def index_images(root: Path, folders: list[Path]) -> dict[str, str]:
    """Index the images in folders: stem -> POSIX path relative to `root`."""
    index: dict[str, str] = {}
    for folder in sorted(folders):
        for path in images_below(folder):
            index.setdefault(path.stem, path.relative_to(root).as_posix())
    return index


def find_images(root: Path, *folders: str) -> dict[str, str]:
    """Index the images in the folders that match.

    Args:
        root: The source's root.
        folders: Globs of folder names, searched as `find_folders` does.

    Returns:
        Stem -> POSIX path relative to `root`.

    Raises:
        UserError: No folder matches.
    """
    return index_images(root, need_folders(root, *folders))


def joined_stem(path: PurePosixPath) -> str:
    """Name an image by its folders and its own name ("nevus/07.jpg": "nevus_07").

    For data sets whose file names repeat from folder to folder.
    """
    return "_".join(path.with_suffix("").parts)


def _is_image(name: str) -> bool:
    stem, suffix = os.path.splitext(name)
    return (
        suffix.lower() in _IMAGE_SUFFIXES
        and not stem.startswith("._")
        and not stem.endswith("_superpixels")
    )


def _is_litter(folder: str) -> bool:
    return folder == "__MACOSX" or folder.startswith(".")


def _tree(root: Path) -> Iterator[Path]:
    """Yield `root` and the folders up to three levels below, level by level."""
    level = [root]
    for _ in range(_LEVELS_BELOW):
        yield from level
        level = [child for folder in level for child in _children(folder)]
    yield from level


def _children(folder: Path) -> list[Path]:
    with os.scandir(folder) as entries:
        return sorted(
            Path(entry.path) for entry in entries if entry.is_dir() and not _is_litter(entry.name)
        )
