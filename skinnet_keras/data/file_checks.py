"""Decodes every image and mask of a catalogue: which are corrupt, which masks do not fit."""

from __future__ import annotations

from dataclasses import dataclass

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import read_image, read_mask
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.errors import UserError

ASPECT_TOLERANCE = 0.02
"""How far width / height of a mask may be from its image's, relatively: sizes are rounded."""


@dataclass(frozen=True)
class FileCheck:
    """What decoding a catalogue's files showed.

    Attributes:
        problems: One sentence for each corrupt file or mask of another aspect ratio.
        sizes: Image id -> (width, height) in pixels, EXIF orientation applied, of the images that
            could be decoded.
    """

    problems: list[str]
    sizes: dict[str, tuple[int, int]]


def check_files(catalogue: Catalogue, *, workers: int | None = None) -> FileCheck:
    """Decode every image and mask of a catalogue, copies included, with a progress bar.

    Missing files are left to `checks.find_problems`.

    Args:
        catalogue: The catalogue.
        workers: Threads; by default one a CPU core.
    """
    image_ids = catalogue.table["image_id"].drop_duplicates().tolist()
    results = list(
        map_in_threads(
            lambda image_id: _decode(catalogue, image_id), image_ids, "Decoding images", workers
        )
    )
    return FileCheck(
        [problem for problems, _ in results for problem in problems],
        {image_id: size for image_id, (_, size) in zip(image_ids, results, strict=True) if size},
    )


def _decode(catalogue: Catalogue, image_id: str) -> tuple[list[str], tuple[int, int] | None]:
    try:
        image_path, mask_path = catalogue.image_path(image_id), catalogue.mask_path(image_id)
    except UserError:
        return [], None
    problems: list[str] = []
    size = mask_size = None
    if image_path.is_file():
        try:
            height, width = read_image(image_path).shape[:2]
            size = (width, height)
        except UserError as error:
            problems.append(f"{image_id}: {error}")
    if mask_path is not None and mask_path.is_file():
        try:
            height, width = read_mask(mask_path).shape
            mask_size = (width, height)
        except UserError as error:
            problems.append(f"{image_id}: {error}")
    if size and mask_size and not _same_aspect(size, mask_size):
        problems.append(
            f"{image_id}: its mask ({mask_size[0]} x {mask_size[1]} pixels) has another aspect "
            f"ratio than the image ({size[0]} x {size[1]})."
        )
    return problems, size


def _same_aspect(size: tuple[int, int], other: tuple[int, int]) -> bool:
    return abs(size[0] * other[1] / (size[1] * other[0]) - 1) <= ASPECT_TOLERANCE
