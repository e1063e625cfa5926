"""JPEG and PNG files that say in one way or another how the camera was held."""

from __future__ import annotations

import struct

import numpy as np
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from photograph_files import ORIENTATION, encode

_XMP = (
    '<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-'
    'syntax-ns#"><rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" '
    'tiff:Orientation="6"/></rdf:RDF></x:xmpmeta>'
)


def _tiff(orientation: int, endian: str = "MM", kind: int = 3) -> bytes:
    """The EXIF of one tag; its value is a SHORT (3), or of another type."""
    order = ">" if endian == "MM" else "<"
    value = struct.pack(order + {1: "B", 3: "H", 4: "I"}[kind], orientation).ljust(4, b"\0")
    entry = struct.pack(f"{order}HHI", ORIENTATION, kind, 1) + value
    return endian.encode() + struct.pack(f"{order}HIH", 42, 8, 1) + entry + bytes(4)


def _app1(data: bytes) -> bytes:
    return b"\xff\xe1" + struct.pack(">H", len(data) + 2) + data


def turned_files() -> dict[str, bytes]:
    """By a name for the test; no two corners of the picture are alike."""
    y, x = np.mgrid[:48, :64]
    image = Image.fromarray(np.stack([y * 5, x * 4 - 1, (y * x) % 256], -1).astype(np.uint8))
    plain = encode(image, "JPEG")
    xmp = _app1(b"http://ns.adobe.com/xap/1.0/\0" + _XMP.encode())

    def jpeg(*segments: bytes) -> bytes:
        return plain[:2] + b"".join(segments) + plain[2:]

    def exif(*arguments) -> bytes:
        return _app1(b"Exif\0\0" + _tiff(*arguments))

    files = {
        "jpeg, big endian": jpeg(exif(6, "MM")),
        "jpeg, little endian": jpeg(exif(6, "II")),
        "jpeg, LONG": jpeg(exif(6, "II", 4)),
        "jpeg, BYTE": jpeg(exif(6, "MM", 1)),
        "jpeg, after JFIF": plain[:20] + exif(6) + plain[20:],
        "jpeg, filling": jpeg(b"\xff\xff\xff" + exif(6)),
        "jpeg, name of EXIF twice": jpeg(_app1(b"Exif\0\0Exif\0\0" + _tiff(6))),
        "jpeg, two": jpeg(exif(6), exif(3)),
        "jpeg, XMP": jpeg(xmp),
        "jpeg, XMP and EXIF": jpeg(exif(1), xmp),
        "jpeg, EXIF cut off": jpeg(_app1(b"Exif\0\0" + _tiff(6)[:14])),
        "jpeg, EXIF without end": jpeg(_app1(b"Exif\0\0" + _tiff(6)[:-4])),
    }
    for orientation in range(10):
        tag = Image.Exif()
        tag[ORIENTATION] = orientation
        files[f"jpeg {orientation}"] = encode(image, "JPEG", exif=tag)
        files[f"png {orientation}"] = encode(image, "PNG", exif=tag)
    turned = files["png 6"]
    start = turned.index(b"eXIf") - 4
    end = start + 12 + int.from_bytes(turned[start : start + 4], "big")
    files["png, after the picture"] = (
        turned[:start] + turned[end:-12] + turned[start:end] + turned[-12:]
    )
    text = PngInfo()
    text.add_itxt("XML:com.adobe.xmp", _XMP)
    files["png, XMP"] = encode(image, "PNG", pnginfo=text)
    return files


def packed_turned_files() -> dict[str, bytes]:
    """PNG files that say it in a text which is compressed, or in words for a dump of EXIF."""
    image = Image.new("RGB", (8, 6))
    packed = PngInfo()
    packed.add_itxt("XML:com.adobe.xmp", _XMP, zip=True)
    dumps = []
    for zip_ in (False, True):
        data = b"Exif\0\0" + _tiff(6)
        dumps.append(PngInfo())
        dumps[-1].add_text(
            "Raw profile type exif", f"\nexif\n{len(data):8}\n{data.hex()}\n", zip=zip_
        )
    texts = {"XMP": packed, "dump": dumps[0], "packed dump": dumps[1]}
    return {name: encode(image, "PNG", pnginfo=text) for name, text in texts.items()}
