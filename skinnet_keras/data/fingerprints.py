"""What is measured of every image once, to find its copies: bytes, pixels, hashes, a thumbnail."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import imagehash
import numpy as np
from PIL import Image

from skinnet_keras.data.image_io import read_oriented
from skinnet_keras.data.image_masks import lay_mask
from skinnet_keras.data.mask_values import border_share
from skinnet_keras.errors import UserError

FINGERPRINT_VERSION = 3
"""Stored fingerprints of another version are to be measured again."""

THUMBNAIL_SIZE = 80

CROPS = ((1, 1), (0.9, 0.9), (0.8, 0.8), (0.875, 1), (0.75, 1), (2 / 3, 1))
"""Centre crops (shares of width and height) whose hashes are kept; the first is the whole.

Copies are cropped evenly, or from 8:7, 4:3 or 3:2 to a square; a crop in between is near one of
these. All are taken of the picture squashed to a square, so the aspect of a copy does not matter.
"""

_WORKING_SIZE = 192  # pixels a side; everything but the digests is measured on this
_HAIR_WIDTH = 9  # working pixels; dark lines thinner than this are closed


@dataclass(frozen=True)
class Fingerprint:
    """The measurements of one image file; about 6.6 KB.

    Attributes:
        sha256: Of the file's bytes.
        pixels_sha256: Of the decoded RGB pixels and their width and height.
        width: Pixels.
        height: Pixels.
        hashes: uint64 array of shape (1 + len(CROPS),): the 64-bit perceptual hash of the
            picture, then that of each crop after dark hair is closed.
        thumbnail: uint8 array of shape (80, 80): the picture in grey, squashed to a square,
            dark hair closed.
        mask_error: Why the row's mask cannot be used, or "".
        mask_area: Share of the mask's pixels that are lesion, 0..1; NaN where there is no mask.
        mask_border: Likewise of the pixels along its border.
        mask_turning: Whether the mask was turned like its image, see `image_masks.Turning`.
    """

    sha256: str
    pixels_sha256: str
    width: int
    height: int
    hashes: np.ndarray
    thumbnail: np.ndarray
    mask_error: str = ""
    mask_area: float = math.nan
    mask_border: float = math.nan
    mask_turning: str = ""


def fingerprint(image_path: Path, mask_path: Path | None = None) -> Fingerprint:
    """Measure one image and check its mask.

    Args:
        image_path: The image.
        mask_path: Its ground-truth mask, which must have the image's aspect ratio.

    Raises:
        UserError: The image cannot be read.
    """
    rgb, orientation = read_oriented(image_path)
    height, width = rgb.shape[:2]
    pixels = hashlib.sha256(f"{width}x{height}:".encode())
    pixels.update(np.ascontiguousarray(rgb).data)
    grey = _resize(Image.fromarray(rgb).convert("L"), _WORKING_SIZE)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_HAIR_WIDTH, _HAIR_WIDTH))
    hairless = Image.fromarray(cv2.morphologyEx(np.asarray(grey), cv2.MORPH_CLOSE, kernel))
    hashes = [_perceptual_hash(grey), *(_perceptual_hash(hairless, *crop) for crop in CROPS)]
    return Fingerprint(
        sha256=hashlib.sha256(image_path.read_bytes()).hexdigest(),
        pixels_sha256=pixels.hexdigest(),
        width=width,
        height=height,
        hashes=np.array(hashes, dtype=np.uint64),
        thumbnail=np.asarray(_resize(hairless, THUMBNAIL_SIZE)),
        **(_measure_mask(mask_path, rgb, orientation) if mask_path else {}),
    )


def _resize(grey: Image.Image, size: int) -> Image.Image:
    return grey.resize((size, size), Image.Resampling.BILINEAR)


def _perceptual_hash(grey: Image.Image, crop_width: float = 1, crop_height: float = 1) -> int:
    left, top = (1 - crop_width) / 2 * grey.width, (1 - crop_height) / 2 * grey.height
    box = (left, top, grey.width - left, grey.height - top)
    # 32 x 32 is what imagehash would resize to.
    small = grey.resize((32, 32), Image.Resampling.LANCZOS, box=box)
    bits = imagehash.phash(small, hash_size=8).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _measure_mask(path: Path, rgb: np.ndarray, orientation: int) -> dict[str, Any]:
    try:
        mask, turning = lay_mask(path, rgb, orientation)
    except UserError as error:
        return {"mask_error": str(error)}
    return {
        "mask_area": float(mask.mean()),
        "mask_border": border_share(mask),
        "mask_turning": turning,
    }
