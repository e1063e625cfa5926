"""Image files of every kind that the canonical preprocessing reads, by a name for the test."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
from PIL import Image, ImageCms

from tiny_run import draw_picture

ORIENTATION = 0x0112


def encode(image: Image.Image, fmt: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, format=fmt, **options)
    return stream.getvalue()


def png(rows: np.ndarray, depth: int, colour: int, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of values (H, W, C), of kinds that Pillow does not write.

    `depth` is bits a value; `colour` is 0 grey, 2 RGB, 4 grey and alpha, 6 RGBA.
    """

    def chunk(name: bytes, data: bytes) -> bytes:
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    height, width, _ = rows.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    # The bits of each row, from the highest on, filled up to whole bytes.
    bits = (rows.reshape(height, -1, 1) >> np.arange(depth - 1, -1, -1)) & 1
    packed = np.packbits(bits.reshape(height, -1), axis=1)
    data = zlib.compress(b"".join(b"\0" + row.tobytes() for row in packed))
    parts = [(b"IHDR", header), *chunks, (b"IDAT", data), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunk(*part) for part in parts)


def cmyk_without_adobe() -> bytes:
    """A CMYK JPEG that does not say whether 0 or 255 is the full ink: for Pillow it is 255."""
    content = encode(Image.fromarray(draw_picture(3)[0]).convert("CMYK"), "JPEG")
    start = content.index(b"\xff\xee")
    return content[:start] + content[start + 16 :]


def colour_profile() -> bytes:
    """An ICC profile in which red and green have changed places: obeying it is seen."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    red, green = (profile.index(name, 132) for name in (b"rXYZ", b"gXYZ"))
    places = slice(red + 4, red + 12), slice(green + 4, green + 12)
    profile[places[0]], profile[places[1]] = profile[places[1]], profile[places[0]]
    return bytes(profile)


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
        "16 bits, grey and alpha": png(rng.integers(0, 65536, (20, 30, 2)), 16, 4),
        "16 bits, colour": png(rng.integers(0, 65536, (20, 30, 3)), 16, 2),
        "16 bits, colour and alpha": png(rng.integers(0, 65536, (20, 30, 4)), 16, 6),
        "2 bits": png(rng.integers(0, 4, (20, 30, 1)), 2, 0),
        "transparent grey": png(rgb[..., :1], 8, 0, (b"tRNS", struct.pack(">H", rgb[0, 0, 0]))),
        "gamma": png(rgb, 8, 2, (b"gAMA", struct.pack(">I", 100_000))),
        "colour profile, png": encode(image, "PNG", icc_profile=colour_profile()),
        "colour profile, jpeg": encode(image, "JPEG", icc_profile=colour_profile()),
        "rgb jpeg": encode(image, "JPEG", keep_rgb=True),
        "one pixel": encode(image.crop((0, 0, 1, 1)), "PNG"),
    }
