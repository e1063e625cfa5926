"""All steps of the cleaning in their order."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from skinnet_keras.data.cleaning.borders import Box, lit_box
from skinnet_keras.data.cleaning.colour import shades_of_gray
from skinnet_keras.data.cleaning.hair import find_hair
from skinnet_keras.data.cleaning.ink import find_ink
from skinnet_keras.data.cleaning.inpainting import fill
from skinnet_keras.data.cleaning.lines import to_working_size
from skinnet_keras.data.cleaning.rulers import find_rulers

if TYPE_CHECKING:  # data worker processes open caches only; pydantic would slow them
    from skinnet_keras.config import CleaningConfig

METHODS_VERSION = 1
"""Raised whenever the same settings give other pixels; caches of an older one are not used."""


def clean(
    rgb: np.ndarray, mask: np.ndarray | None, cleaning: CleaningConfig | None
) -> tuple[np.ndarray, np.ndarray | None]:
    """Clean an image at its original size, before the one resize of the canonical preprocessing.

    Borders go first: frames and dark corners would pass for hair and darken the colour of the
    light. Hairs, rulers and ink are then found in the same pixels, so that none hides another (a
    ruler's line is a hair to the hair finder, and without it its ticks are no ruler), and filled
    at once. Colour comes last, from what is left: skin and lesion.

    Whoever feeds a trained model — `skinnet predict`, a server's or a phone's client — must clean
    as the model's training did: a run has the settings in `config.yaml`, an export in
    `metadata.json` under `cleaning`.

    Args:
        rgb: uint8 (H, W, 3).
        mask: Lesion mask, uint8 (H', W') in {0, 1}, of the image's aspect; or None. It is cropped
            with the image and decides nothing: a new image comes without one, and in the public
            sets only some classes have any. The finders spare the middle of the image, but for a
            ruler's straight line.
        cleaning: The steps; None for none.

    Returns:
        The image, uint8 (h, w, 3), and the mask cropped to the same field, uint8 (h', w'). The
        arguments are returned as they are where there is nothing to clean. Equal arguments give
        equal results.
    """
    if cleaning is None or not cleaning.steps:
        return rgb, mask
    if cleaning.borders and (box := lit_box(rgb)) is not None:
        mask = None if mask is None else _crop_mask(mask, box, rgb.shape[:2])
        rgb = np.ascontiguousarray(rgb[box[0] : box[1], box[2] : box[3]])
    if cleaning.hair or cleaning.rulers_and_ink:
        rgb = fill(rgb, _find_marks(rgb, cleaning))
    if cleaning.colour_constancy:
        rgb = shades_of_gray(rgb, norm=cleaning.minkowski_norm)
    return rgb, mask


def _find_marks(rgb: np.ndarray, cleaning: CleaningConfig) -> np.ndarray:
    """Return what is to be filled, bool at the working size."""
    working = to_working_size(rgb)
    marks = np.zeros(working.shape[:2], dtype=bool)
    if cleaning.rulers_and_ink:
        marks |= find_rulers(working) | find_ink(working)
    if cleaning.hair:
        marks |= find_hair(working, contrast=cleaning.hair_contrast)
    return marks


def _crop_mask(mask: np.ndarray, box: Box, shape: tuple[int, int]) -> np.ndarray:
    """Crop a mask to a box of an image of `shape` (H, W)."""
    rows, columns = mask.shape[0] / shape[0], mask.shape[1] / shape[1]
    top, bottom = round(box[0] * rows), max(round(box[1] * rows), round(box[0] * rows) + 1)
    left, right = round(box[2] * columns), max(round(box[3] * columns), round(box[2] * columns) + 1)
    return np.ascontiguousarray(mask[top:bottom, left:right])
