"""A photograph as the bytes that TensorFlow decodes to the canonical image."""

from __future__ import annotations

import io
from pathlib import Path

from PIL import Image

from skinnet_keras.data.image_io import read_image

SERVED_FORMATS = ("JPEG", "PNG")
"""What the serving graph decodes."""

_ORIENTATION = 0x0112  # EXIF tag
_UPRIGHT = 1


def upright_bytes(path: str | Path) -> bytes:
    """Read an image file for a server, whose graph may be of an export that ignores EXIF.

    An upright JPEG or PNG goes as it is. One that the camera turned, one in CMYK, which decoders
    invert or not, and every other format is decoded, turned and written as PNG, which loses
    nothing: the server sees the same pixels as `read_image`.

    Args:
        path: A JPEG, PNG, BMP or TIFF file.

    Returns:
        A JPEG or PNG file's content.

    Raises:
        UserError: The file is missing, damaged, of another format or too large.
    """
    rgb = read_image(path)  # whatever the server would refuse is refused here, with its reason
    content = Path(path).read_bytes()
    with Image.open(io.BytesIO(content)) as image:
        turned = image.getexif().get(_ORIENTATION, _UPRIGHT) != _UPRIGHT
        served = image.format in SERVED_FORMATS and image.mode != "CMYK"
    if served and not turned:
        return content
    stream = io.BytesIO()
    Image.fromarray(rgb).save(stream, format="PNG")
    return stream.getvalue()
