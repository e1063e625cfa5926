"""Reading and resizing images: the one definition of the canonical preprocessing.

Training, evaluation, `predict` and the exported clients all go this way: decode, apply the EXIF
orientation, RGB uint8, one antialiased resize to a square (the aspect is squashed, as in the
paper, section "Augmentation").
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, ImageOps

from skinnet_keras.data.mask_values import MaskValuesError, lesion_pixels
from skinnet_keras.errors import UserError

FORMATS = ("JPEG", "PNG", "BMP", "TIFF")
"""Accepted file formats, told by content and not by suffix; Pillow's rarer decoders stay shut."""

MAX_PIXELS = 64_000_000
"""Largest accepted width x height; the largest public dermoscopy images have 30 million."""

# What Pillow's decoders raise on damaged files.
_DECODER_ERRORS = (
    OSError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    OverflowError,
    EOFError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
)


def read_image(path: str | Path) -> np.ndarray:
    """Decode an image file.

    The EXIF orientation is applied; grey, palette, 1-bit, CMYK and 16-bit images are converted;
    an alpha channel is dropped without compositing and 16-bit values keep their high byte, as
    TensorFlow's decoders do.

    Args:
        path: A JPEG, PNG, BMP or TIFF file (the first frame counts).

    Returns:
        RGB uint8 array of shape (H, W, 3), 0..255.

    Raises:
        UserError: The file is missing, damaged, of another format, or has more than
            `MAX_PIXELS` pixels.
    """
    return read_oriented(path)[0]


def read_oriented(path: str | Path) -> tuple[np.ndarray, int]:
    """Decode an image file, and tell the EXIF orientation that was applied.

    Args:
        path: As for `read_image`.

    Returns:
        What `read_image` returns, and the orientation, 1..8 (1: the pixels lie as stored).

    Raises:
        UserError: As `read_image`.
    """
    return _open(path, _rgb)


def read_size(path: str | Path) -> tuple[int, int]:
    """Read an image's size from its header, without decoding it.

    Args:
        path: An image file as for `read_image`.

    Returns:
        Width and height in pixels as stored: the EXIF orientation is not applied.

    Raises:
        UserError: The file is missing or its header is not that of an accepted format.
    """
    try:
        with Image.open(path, formats=FORMATS) as image:
            return image.size
    except _DECODER_ERRORS as error:
        raise UserError(f"{path} cannot be read as an image: {error}.") from error


def read_mask(path: str | Path) -> np.ndarray:
    """Decode a lesion mask.

    Args:
        path: An image file as for `read_image`, of any two values, colours or degrees of
            transparency, see `skinnet_keras.data.mask_values.lesion_pixels`.

    Returns:
        uint8 array of shape (H, W) in {0, 1}.

    Raises:
        UserError: As `read_image`, or the file holds more than two values.
    """
    try:
        lesion, _ = _open(path, _lesion)
        if lesion.min() == lesion.max() and _loses_low_bytes(path):
            raise MaskValuesError("has several channels of 16 bits, all of one high byte")
        return lesion.astype(np.uint8)
    except MaskValuesError as error:
        raise UserError(
            f"{path} {error}: give a mask of two values, 0 for skin and 255 for the lesion."
        ) from error


def resize_image(rgb: np.ndarray, size: int) -> np.ndarray:
    """Resize to a square with Pillow's antialiased bilinear (triangle) filter.

    Args:
        rgb: uint8 array of shape (H, W, 3).
        size: Side of the result in pixels; the aspect ratio is squashed.

    Returns:
        uint8 array of shape (size, size, 3). Equal, within one grey level, to
        `tf.image.resize(method="bilinear", antialias=True)`.
    """
    return np.asarray(Image.fromarray(rgb).resize((size, size), Image.Resampling.BILINEAR))


def resize_mask(mask: np.ndarray, size: int) -> np.ndarray:
    """Resize a mask to a square: the same filter as the image's, then >= 0.5.

    Args:
        mask: uint8 array of shape (H, W) in {0, 1}.
        size: Side of the result in pixels.

    Returns:
        uint8 array of shape (size, size) in {0, 1}.
    """
    grey = Image.fromarray(mask * np.uint8(255))
    resized = np.asarray(grey.resize((size, size), Image.Resampling.BILINEAR))
    return (resized >= 128).astype(np.uint8)


def _open(path: str | Path, convert: Callable[[Image.Image], np.ndarray]) -> tuple[np.ndarray, int]:
    """Decode, turn upright and convert; also return the EXIF orientation."""
    try:
        with Image.open(path, formats=FORMATS) as image:
            width, height = image.size
            if width * height > MAX_PIXELS:
                raise UserError(
                    f"{path} has {width} x {height} pixels, more than the limit of "
                    f"{MAX_PIXELS:,}: make it smaller."
                )
            image.load()
            orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
            ImageOps.exif_transpose(image, in_place=True)
            return convert(image), orientation if orientation in range(1, 9) else 1
    except FileNotFoundError as error:
        raise UserError(f"{path} does not exist: check the path.") from error
    except _DECODER_ERRORS as error:
        raise UserError(
            f"{path} cannot be read as an image ({error}): give an intact file of the formats "
            f"{', '.join(FORMATS)}."
        ) from error


def _rgb(image: Image.Image) -> np.ndarray:
    if image.mode.startswith("I;16"):
        high_byte = (np.asarray(image) >> 8).astype(np.uint8)
        image = Image.fromarray(high_byte)
    elif image.mode in ("I", "F"):
        raise ValueError("its pixels are 32-bit numbers")
    return np.asarray(image if image.mode == "RGB" else image.convert("RGB"))


def _lesion(image: Image.Image) -> np.ndarray:
    lossy = image.format in ("JPEG", "MPO") or image.info.get("compression") == "jpeg"
    return lesion_pixels(image, lossy=lossy)


def _loses_low_bytes(path: str | Path) -> bool:
    """Whether Pillow keeps the high bytes alone: colours or transparency of 16 bits."""
    with Image.open(path, formats=FORMATS) as image:
        return ";16" in str(image.tile) and not image.mode.startswith("I")
