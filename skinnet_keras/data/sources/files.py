"""Finding a data set's files, however deep its archive was unpacked."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import cached_property
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


@dataclass(frozen=True)
class Survey:
    """What lies in a folder and below.

    Attributes:
        images: The image files.
        links_out: Linked folders that lead out of the data set and were not followed.
        no_files: What is named like an image or linked and is no file: broken links, pipes.
    """

    images: list[Path] = field(default_factory=list)
    links_out: list[Path] = field(default_factory=list)
    no_files: list[Path] = field(default_factory=list)


def survey(root: Path, folder: Path) -> Survey:
    """List what lies in a folder and below, in order.

    Linked folders are followed where they lead into `root` or `folder`, after the folders that lie
    there themselves; none is entered twice, so that links in a circle end.

    Left out: superpixel maps (`*_superpixels.png` of the ISIC-2017 archives) and what macOS
    and storage boxes leave behind (`__MACOSX`, `@eaDir` and hidden folders, `._*` files).

    Args:
        root: The source's root.
        folder: A folder in it.

    Raises:
        UserError: A folder cannot be listed.
    """
    inside = [os.path.realpath(place) for place in (root, folder)]
    found = Survey()
    seen: set[str] = set()
    waiting, linked = [folder], deque[Path]()
    while waiting or linked:
        is_link = not waiting
        current = linked.popleft() if is_link else waiting.pop()
        real = os.path.realpath(current)
        if real in seen:
            continue
        if is_link and not any(os.path.commonpath((real, place)) == place for place in inside):
            found.links_out.append(current)
            continue
        seen.add(real)
        for entry in _entries(current):
            path = Path(entry.path)
            # os.path answers of a link in a circle, where the entry itself raises.
            if os.path.isdir(path):
                if not _is_litter(entry.name):
                    (linked if entry.is_symlink() else waiting).append(path)
            elif _is_image(entry.name):
                (found.images if os.path.isfile(path) else found.no_files).append(path)
            elif entry.is_symlink() and not path.exists() and not entry.name.startswith("."):
                found.no_files.append(path)
    for paths in (found.images, found.links_out, found.no_files):
        paths.sort()
    return found


def images_below(root: Path, folder: Path) -> list[Path]:
    """List the image files in a folder of a source and below, as `survey` does."""
    return survey(root, folder).images


class ImageIndex(dict[str, str]):
    """Stem -> POSIX path relative to the source's root.

    Attributes:
        repeated: Paths left out because an earlier one has their stem.
    """

    def __init__(self) -> None:
        super().__init__()
        self.repeated: list[str] = []

    def add(self, stem: str, path: str) -> None:
        """Add a file, unless its stem is taken."""
        if self.setdefault(stem, path) != path:
            self.repeated.append(path)

    def spelling_of(self, name: str) -> str | None:
        """Return the stem that a table calls `name`: other case, with a suffix; None: none."""
        return name if name in self else self._by_lower_case.get(image_name(name).casefold())

    def path_of(self, name: str) -> str:
        """Return the path of what a table calls `name`, or ""."""
        stem = self.spelling_of(name)
        return "" if stem is None else self[stem]

    @cached_property
    def _by_lower_case(self) -> dict[str, str]:
        stems: dict[str, str] = {}
        for stem in self:
            # Of stems that differ in case alone, none is the one that was meant.
            stems[stem.casefold()] = "" if stem.casefold() in stems else stem
        return {folded: stem for folded, stem in stems.items() if stem}


def image_name(text: str) -> str:
    """Return an image's name without the suffix of an image file."""
    stem, suffix = os.path.splitext(text)
    return stem if suffix.lower() in _IMAGE_SUFFIXES else text


def index_images(root: Path, folders: list[Path]) -> ImageIndex:
    """Index the images in folders of a source."""
    index = ImageIndex()
    for folder in sorted(folders):
        for path in images_below(root, folder):
            index.add(path.stem, path.relative_to(root).as_posix())
    return index


def find_images(root: Path, *folders: str) -> ImageIndex:
    """Index the images in the folders that match.

    Args:
        root: The source's root.
        folders: Globs of folder names, searched as `find_folders` does.

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
    return folder in ("__MACOSX", "@eaDir") or folder.startswith(".")


def _tree(root: Path) -> Iterator[Path]:
    """Yield `root` and the folders up to three levels below, level by level."""
    level = [root]
    for _ in range(_LEVELS_BELOW):
        yield from level
        level = [child for folder in level for child in _children(folder)]
    yield from level


def _children(folder: Path) -> list[Path]:
    return [
        Path(entry.path)
        for entry in _entries(folder)
        if os.path.isdir(entry.path) and not _is_litter(entry.name)
    ]


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return sorted(entries, key=lambda entry: entry.name)
    except OSError as error:
        raise UserError(f"{folder} cannot be listed ({error.strerror}).") from error
