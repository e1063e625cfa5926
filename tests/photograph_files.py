"""Image files of every kind that the canonical preprocessing reads, by a name for the test."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image

from tiny_run import draw_picture

ORIENTATION = 0x0112


def encode(image: Image.Image, fmt: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=fmt, **options)
    return stream.getvalue()


def png_of_16_bits(values: np.ndarray) -> bytes:
    """An RGB PNG with two bytes a value, which Pillow does not write."""
    height, width, _ = values.shape
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in values)

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    header = struct.pack(">IIBBBBB", width, height, 16, 2, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def served_files() -> dict[str, bytes]:
    """JPEG and PNG files, upright."""
    rng = np.random.default_rng(0)
    rgb, _ = draw_picture(3)
    image = Image.fromarray(rgb)
    alpha = Image.fromarray(np.dstack([rgb, rng.integers(0, 255, rgb.shape[:2], dtype=np.uint8)]))
    grey16 = Image.fromarray(rng.integers(0, 65536, (20, 30)).astype(np.uint16))
    return {
        "jpeg": encode(image, "JPEG"),
        "progressive, 4:2:0": encode(image, "JPEG", progressive=True, quality=60, subsampling=2),
        "grey jpeg": encode(image.convert("L"), "JPEG"),
        "cmyk jpeg": encode(image.convert("CMYK"), "JPEG"),
        "png": encode(image, "PNG"),
        "grey png": encode(image.convert("L"), "PNG"),
        "alpha": encode(alpha, "PNG"),
        "grey and alpha": encode(alpha.convert("LA"), "PNG"),
        "palette": encode(image.quantize(16), "PNG"),
        "transparent palette": encode(image.quantize(16), "PNG", transparency=3),
        "one bit": encode(image.convert("1"), "PNG"),
        "16 bits, grey": encode(grey16, "PNG"),
        "16 bits, colour": png_of_16_bits(rng.integers(0, 65536, (20, 30, 3))),
        "one pixel": encode(image.crop((0, 0, 1, 1)), "PNG"),
    }
