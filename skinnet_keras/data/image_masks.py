"""An image and its lesion mask, the mask on the image's pixels.

A camera that was turned says so in the EXIF orientation of its file; viewers turn the picture, and
so does `read_image`. A mask drawn on the pixels as they are stored lies askew then. Such masks are
turned like their image: those whose aspect ratio fits only so, and, where the ratio fits both ways
(squares, half turns, mirrored pictures), those that part the picture's colours clearly better so.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from skinnet_keras.data.image_io import read_mask, read_oriented
from skinnet_keras.errors import UserError

MASK_RULES = 2
"""Version of how masks are read and laid; what was made of masks by other rules is made anew."""

ASPECT_TOLERANCE = 0.02
"""How far width / height of a mask may be from its image's, relatively: sizes are rounded."""

Turning = Literal["", "turned", "undecided"]
"""Whether a mask was turned like its image; "undecided" where both ways suit the picture alike and
the mask was left as it is."""

_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""EXIF orientation -> what brings the stored pixels upright."""

_COMPARED_SIDE = 128
_MARGIN = 0.02  # of explained variance; on 400 ISIC-2017 images under 1 % were decided wrongly
_SAME = 0.9  # intersection over union from which it does not matter how the mask lies


@dataclass(frozen=True)
class MaskedImage:
    """An image and its mask.

    Attributes:
        rgb: uint8 (H, W, 3), its EXIF orientation applied.
        mask: uint8 (H', W') in {0, 1} of the same aspect ratio; None where the image has none.
        turning: What became of the mask.
    """

    rgb: np.ndarray
    mask: np.ndarray | None
    turning: Turning = ""


def read_masked(image_path: str | Path, mask_path: str | Path | None) -> MaskedImage:
    """Read an image and its mask, which is turned like the image where it has to be.

    Args:
        image_path: As for `read_image`.
        mask_path: As for `read_mask`; None where there is no mask.

    Raises:
        UserError: A file cannot be read, or the mask has another aspect ratio than its image.
    """
    rgb, orientation = read_oriented(image_path)
    if mask_path is None:
        return MaskedImage(rgb, None)
    return MaskedImage(rgb, *lay_mask(mask_path, rgb, orientation))


def lay_mask(
    mask_path: str | Path, rgb: np.ndarray, orientation: int
) -> tuple[np.ndarray, Turning]:
    """Read the mask of an image that is decoded already.

    Args:
        mask_path: As for `read_mask`.
        rgb: The image, uint8 (H, W, 3).
        orientation: EXIF orientation that was applied to it, 1 for none.

    Returns:
        The mask, uint8 (H', W') in {0, 1}, and what became of it.

    Raises:
        UserError: The mask cannot be read, or has another aspect ratio than the image.
    """
    mask = read_mask(mask_path)
    fits = _same_aspect(mask, rgb)
    if orientation in _UPRIGHT:
        turned = np.asarray(Image.fromarray(mask).transpose(_UPRIGHT[orientation]))
        if _same_aspect(turned, rgb):
            if not fits:
                return turned, "turned"
            gain = _turning_gain(rgb, mask, turned)
            if abs(gain) <= _MARGIN:
                return mask, "" if _overlap(mask, turned) >= _SAME else "undecided"
            return (turned, "turned") if gain > 0 else (mask, "")
    if not fits:
        raise UserError(
            f"{mask_path} ({mask.shape[1]} x {mask.shape[0]} pixels) has another aspect ratio than "
            f"its image ({rgb.shape[1]} x {rgb.shape[0]}): give the mask of this image."
        )
    return mask, ""


def _same_aspect(mask: np.ndarray, rgb: np.ndarray) -> bool:
    (height, width), (rows, columns) = mask.shape, rgb.shape[:2]
    return abs(width * rows / (height * columns) - 1) <= ASPECT_TOLERANCE


def _small(array: np.ndarray) -> np.ndarray:
    size = (_COMPARED_SIDE, _COMPARED_SIDE)
    return np.asarray(Image.fromarray(array).resize(size, Image.Resampling.BILINEAR))


def _overlap(mask: np.ndarray, other: np.ndarray) -> float:
    one, two = (_small(item * np.uint8(255)) >= 128 for item in (mask, other))
    return float((one & two).sum() / max((one | two).sum(), 1)) if one.any() else 1.0


def _turning_gain(rgb: np.ndarray, mask: np.ndarray, turned: np.ndarray) -> float:
    """How much more of the variance of the colours the turned mask explains, -1..1."""
    pixels = _small(rgb).reshape(-1, 3).astype(np.float64)
    total = pixels.var(axis=0).sum()

    def explained(item: np.ndarray) -> float:
        inside = _small(item * np.uint8(255)).ravel() >= 128
        share = inside.mean()
        if share in (0, 1) or not total:
            return 0.0
        difference = pixels[inside].mean(axis=0) - pixels[~inside].mean(axis=0)
        return float(share * (1 - share) * (difference**2).sum() / total)

    return explained(turned) - explained(mask)
