"""The camera's orientation inside the serving graph, found as Pillow finds it."""

from __future__ import annotations

from typing import Any

_EXIF_STARTS = (b"Exif\0\0", b"eXIf")  # in JPEG and in PNG
_XMP_STARTS = (b'tiff:Orientation="', b"tiff:Orientation>")
_ORIENTATION = 0x0112  # tag of EXIF
_SHORT, _LONG = 3, 4  # types of its value
_EXIF_BYTES = 1 << 16  # what a segment of a JPEG holds
_UPRIGHT = 1


def turn_upright(rgb: Any, content: Any) -> Any:
    """Turn a decoded picture as its file says: `PIL.ImageOps.exif_transpose`.

    Args:
        rgb: uint8 tensor (H, W, 3), as stored.
        content: Scalar string tensor, its JPEG or PNG file. EXIF counts, or else XMP; what a PNG
            has in compressed texts is not read.

    Returns:
        uint8 tensor (H, W, 3) or (W, H, 3).
    """
    import tensorflow as tf

    orientation = _orientation(content)

    def change(pixels: Any, orientations: tuple[int, ...], how: Any) -> Any:
        chosen = tf.reduce_any(tf.equal(orientation, orientations))
        return tf.cond(chosen, lambda: how(pixels), lambda: pixels)

    rgb = change(rgb, (5, 6, 7, 8), lambda pixels: tf.transpose(pixels, (1, 0, 2)))
    rgb = change(rgb, (2, 3, 6, 7), lambda pixels: tf.reverse(pixels, [1]))
    return change(rgb, (3, 4, 7, 8), lambda pixels: tf.reverse(pixels, [0]))


def _orientation(content: Any) -> Any:
    """Scalar int64: 1 to 8 as in EXIF, or another number that turns nothing."""
    import tensorflow as tf

    exif = tf.strings.join([_after(content, start) for start in _EXIF_STARTS])
    found = _from_exif(tf.strings.substr(exif, 0, _EXIF_BYTES))
    digits = tf.strings.join([tf.strings.substr(_after(content, xmp), 0, 1) for xmp in _XMP_STARTS])
    known = tf.strings.regex_full_match(digits, "[0-9].*")
    digit = tf.strings.to_number(tf.where(known, tf.strings.substr(digits, 0, 1), "1"), tf.int64)
    return tf.where(found == 0, digit, found)


def _after(content: Any, start: bytes) -> Any:
    """What comes after some bytes; "" where they are not there."""
    import tensorflow as tf

    parts = tf.strings.split(content, start, maxsplit=1)
    # The name may stand twice.
    rest = tf.strings.reduce_join(parts[1:])
    again = tf.equal(tf.strings.substr(rest, 0, len(start)), start)
    return tf.cond(again, lambda: tf.strings.substr(rest, len(start), -1), lambda: rest)


def _from_exif(exif: Any) -> Any:
    """Value of the tag in the first directory, as scalar int64; 0 where there is no tag."""
    import tensorflow as tf

    data = tf.cast(tf.io.decode_raw(exif, tf.uint8), tf.int64)
    little = tf.equal(tf.strings.substr(exif, 0, 2), b"II")

    def number(values: Any) -> Any:
        """Numbers of the bytes in the last axis."""
        powers = 256 ** tf.range(tf.shape(values, tf.int64)[-1])
        return tf.reduce_sum(values * tf.where(little, powers, powers[::-1]), axis=-1)

    def first(values: Any) -> Any:
        return tf.reduce_sum(values[:1])  # 0 where there is none

    is_tiff = tf.equal(number(data[2:4]), 42)
    start = number(data[4:8]) + 2
    count = tf.minimum(number(data[start - 2 : start]), tf.size(data[start:], tf.int64) // 12)
    count = tf.where(is_tiff, count, 0)
    entries = tf.reshape(data[start : start + 12 * count], (count, 12))
    entry = tf.boolean_mask(entries, tf.equal(number(entries[:, :2]), _ORIENTATION))[:1]
    kind, values = number(entry[:, 2:4]), number(entry[:, 4:8])
    value = tf.where(
        tf.equal(kind, _SHORT),
        number(entry[:, 8:10]),
        tf.where(tf.equal(kind, _LONG), number(entry[:, 8:12]), _UPRIGHT),
    )
    return first(tf.where(tf.equal(values, 1), value, _UPRIGHT))
