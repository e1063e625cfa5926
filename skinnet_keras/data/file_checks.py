"""Decodes every image and mask of a catalogue: which are corrupt, which masks do not fit."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import read_mask, read_oriented
from skinnet_keras.data.image_masks import lay_mask
from skinnet_keras.data.mask_facts import MaskFact, MaskFacts
from skinnet_keras.data.mask_values import border_share
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.errors import UserError


@dataclass(frozen=True)
class FileCheck:
    """What decoding a catalogue's files showed.

    Attributes:
        problems: One sentence for each corrupt file or mask that cannot be used.
        sizes: Image id -> (width, height) in pixels, EXIF orientation applied, of the images that
            could be decoded.
        masks: What is odd about the masks that can be used.
    """

    problems: list[str]
    sizes: dict[str, tuple[int, int]]
    masks: MaskFacts


def check_files(catalogue: Catalogue, *, workers: int | None = None) -> FileCheck:
    """Decode every image and mask of a catalogue, copies included, with a progress bar.

    Missing files are left to `checks.find_problems`.

    Args:
        catalogue: The catalogue.
        workers: Threads; by default one a CPU core.
    """
    image_ids = catalogue.table["image_id"].drop_duplicates().tolist()
    checked = list(
        map_in_threads(
            lambda image_id: _decode(catalogue, image_id), image_ids, "Decoding images", workers
        )
    )
    return FileCheck(
        [f"{item.image_id}: {problem}" for item in checked for problem in item.problems],
        {item.image_id: item.size for item in checked if item.size},
        MaskFacts.collect(item.mask for item in checked if item.mask),
    )


@dataclass(frozen=True)
class _Decoded:
    image_id: str
    problems: list[str] = field(default_factory=list)
    size: tuple[int, int] | None = None
    mask: MaskFact | None = None


def _decode(catalogue: Catalogue, image_id: str) -> _Decoded:
    try:
        image_path, mask_path = catalogue.image_path(image_id), catalogue.mask_path(image_id)
    except UserError:
        return _Decoded(image_id)
    if mask_path is not None and not mask_path.is_file():
        mask_path = None
    problems: list[str] = []
    image: tuple[np.ndarray, int] | None = None
    if image_path.is_file():
        try:
            image = read_oriented(image_path)
        except UserError as error:
            problems.append(str(error))
    size, fact = None, None
    if image is not None:
        size = (image[0].shape[1], image[0].shape[0])
    if mask_path is not None:
        try:
            if image is None:
                read_mask(mask_path)
            else:
                mask, turning = lay_mask(mask_path, *image)
                fact = MaskFact(image_id, float(mask.mean()), border_share(mask), turning)
        except UserError as error:
            problems.append(str(error))
    return _Decoded(image_id, problems, size, fact)
