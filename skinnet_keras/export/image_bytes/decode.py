"""JPEG and PNG files decoded inside the serving graph, to Pillow's pixels."""

from __future__ import annotations

from typing import Any

from skinnet_keras.data.image_io import MAX_PIXELS
from skinnet_keras.export.image_bytes.orientation import turn_upright
from skinnet_keras.export.image_bytes.resize import resize_like_pillow

_JPEG_START = b"\xff\xd8\xff"
_PNG_START = b"\x89PNG\r\n\x1a\n"
# Width and height stand after the signature and the length and name of the first chunk.
_PNG_SIZE, _PNG_SIZE_END = 16, 24
_CMYK = 4  # channels
_ADOBE_SEGMENT = b"\xff\xee\x00\x0eAdobe"


def canonical_image(content: Any, row: Any, size: int) -> Any:
    """Decode one file and resize it: `resize_image(read_image(file))`.

    Grey, palette, CMYK and 16-bit files become RGB bytes, an alpha channel is dropped, and the
    camera's orientation is applied, as by `read_image`.

    Args:
        content: Scalar string tensor, a JPEG or PNG file.
        row: Scalar integer tensor, its place in the batch, for the error.
        size: Side S of the result in pixels.

    Returns:
        float32 tensor (S, S, 3), whole numbers 0..255. Another file, a damaged one and one of
        more than `MAX_PIXELS` pixels make the request fail with INVALID_ARGUMENT.
    """
    import tensorflow as tf

    is_jpeg = tf.equal(tf.strings.substr(content, 0, len(_JPEG_START)), _JPEG_START)
    is_png = tf.equal(tf.strings.substr(content, 0, len(_PNG_START)), _PNG_START)
    is_png &= tf.strings.length(content) >= _PNG_SIZE_END
    where = tf.strings.join(["image_bytes[", tf.strings.as_string(row), "]"])
    known = tf.debugging.Assert(
        is_jpeg | is_png,
        [tf.strings.join([where, " is neither a JPEG nor a PNG file: convert it first."])],
    )
    with tf.control_dependencies([known]):
        content = tf.identity(content)
    rgb = tf.cond(is_jpeg, lambda: _jpeg(content, where), lambda: _png(content, where))
    rgb = turn_upright(tf.ensure_shape(rgb, (None, None, 3)), content)
    return tf.cast(resize_like_pillow(tf.ensure_shape(rgb, (None, None, 3)), size), tf.float32)


def _jpeg(content: Any, where: Any) -> Any:
    import tensorflow as tf

    shape = tf.io.extract_jpeg_shape(content)
    checks = [_small_enough(shape[0], shape[1], where), _known_colours(content, shape[2], where)]
    with tf.control_dependencies(checks):
        # The accurate transform is the one Pillow uses; TensorFlow's default is a faster one.
        return tf.io.decode_jpeg(content, channels=3, dct_method="INTEGER_ACCURATE")


def _png(content: Any, where: Any) -> Any:
    import tensorflow as tf

    header = tf.strings.substr(content, _PNG_SIZE, _PNG_SIZE_END - _PNG_SIZE)
    shape = tf.io.decode_raw(header, tf.int32, little_endian=False)
    with tf.control_dependencies([_small_enough(shape[1], shape[0], where)]):
        return tf.io.decode_png(content, channels=3)


def _known_colours(content: Any, channels: Any, where: Any) -> Any:
    """Refuse CMYK without Adobe's segment: TensorFlow reads it inverted, as Adobe writes it."""
    import tensorflow as tf

    by_adobe = tf.cond(
        tf.equal(channels, _CMYK),
        lambda: tf.size(tf.strings.split(content, _ADOBE_SEGMENT)) > 1,
        lambda: True,
    )
    message = tf.strings.join(
        [where, " is a CMYK file that does not say its polarity: save as RGB."]
    )
    return tf.debugging.Assert(by_adobe, [message])


def _small_enough(height: Any, width: Any, where: Any) -> Any:
    """Refuse a picture by its header, before memory is taken for it."""
    import tensorflow as tf

    pixels = tf.cast(height, tf.int64) * tf.cast(width, tf.int64)
    message = [where, " has ", tf.strings.as_string(pixels)]
    message.append(f" pixels, more than the limit of {MAX_PIXELS}: make it smaller.")
    return tf.debugging.Assert(pixels <= MAX_PIXELS, [tf.strings.join(message)])
