"""What is measured of every image once, to find its copies: bytes, perceptual hashes, details."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import imagehash
import numpy as np
from PIL import Image

from skinnet_keras.data.image_io import read_image, read_mask
from skinnet_keras.errors import UserError

THUMBNAIL_SIZE = 64
VIEWS = 2
"""Every image is looked at twice: whole (squashed to a square), and cropped at its centre."""

# Many releases of the public sets are stored squashed to a square; the original was then most
# likely 4:3, as HAM10000's 600x450, and its centre square is 3/4 of the width.
_ASSUMED_ASPECT = 3 / 4


@dataclass(frozen=True)
class Fingerprint:
    """The measurements of one image file.

    Attributes:
        sha256: Of the file's bytes.
        width: Pixels.
        height: Pixels.
        hashes: uint64 array of shape (VIEWS,): 64-bit perceptual hash of each view.
        thumbnails: uint8 array of shape (VIEWS, 64, 64): each view in grey.
        mask_error: Why the row's mask cannot be used, or "".
    """

    sha256: str
    width: int
    height: int
    hashes: np.ndarray
    thumbnails: np.ndarray
    mask_error: str = ""


def fingerprint(image_path: Path, mask_path: Path | None = None) -> Fingerprint:
    """Measure one image and check its mask.

    Args:
        image_path: The image.
        mask_path: Its ground-truth mask, which must have the image's aspect ratio.

    Raises:
        UserError: The image cannot be read.
    """
    rgb = read_image(image_path)
    height, width = rgb.shape[:2]
    grey = Image.fromarray(rgb).convert("L")
    views = (grey, _centre_square(grey))
    return Fingerprint(
        sha256=hashlib.sha256(image_path.read_bytes()).hexdigest(),
        width=width,
        height=height,
        hashes=np.array([_perceptual_hash(view) for view in views], dtype=np.uint64),
        thumbnails=np.stack([_thumbnail(view) for view in views]),
        mask_error=_mask_error(mask_path, width / height) if mask_path else "",
    )


def _centre_square(grey: Image.Image) -> Image.Image:
    width, height = grey.size
    if width == height:
        crop_width, crop_height = round(width * _ASSUMED_ASPECT), height
    else:
        crop_width = crop_height = min(width, height)
    left, top = (width - crop_width) // 2, (height - crop_height) // 2
    return grey.crop((left, top, left + crop_width, top + crop_height))


def _perceptual_hash(grey: Image.Image) -> int:
    bits = imagehash.phash(grey, hash_size=8).hash
    return int.from_bytes(np.packbits(bits).tobytes(), "big")


def _thumbnail(grey: Image.Image) -> np.ndarray:
    size = (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    return np.asarray(grey.resize(size, Image.Resampling.BILINEAR))


def _mask_error(path: Path, aspect: float) -> str:
    try:
        height, width = read_mask(path).shape
    except UserError as error:
        return str(error)
    if abs(width / height / aspect - 1) > 0.02:
        return f"{path} has another aspect ratio than its image."
    return ""
