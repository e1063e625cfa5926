"""Pillow's antialiased bilinear resize in TensorFlow integers.

`tf.image.resize(antialias=True)` is the same filter in floats and in one step; Pillow rounds its
weights to 22 bits and its pixels between the two passes (Resample.c), so that float results
differ by a grey level at one value in ten. Which pass is first shows in the rounding, too: the
columns, but from Pillow 13 on the rows where they are cut by more than twice as much.
"""

from __future__ import annotations

from typing import Any

_BITS = 22  # of Pillow's fixed-point weights: 255 * 2^22 still fits an int32


def resize_like_pillow(rgb: Any, size: int) -> Any:
    """Resize to a square as `data.image_io.resize_image` does.

    Args:
        rgb: uint8 tensor (H, W, C); H and W need not be known in advance.
        size: Side of the result in pixels; the aspect ratio is squashed.

    Returns:
        uint8 tensor (size, size, C).
    """
    import tensorflow as tf

    def columns(pixels: Any) -> Any:
        return tf.transpose(_resize_rows(tf.transpose(pixels, (1, 0, 2)), size), (1, 0, 2))

    height, width = tf.unstack(tf.shape(rgb)[:2])
    return tf.cond(
        (height > size) & (height - size > 2 * (width - size)),
        lambda: columns(_resize_rows(rgb, size)),
        lambda: _resize_rows(columns(rgb), size),
    )


def _resize_rows(pixels: Any, size: int) -> Any:
    """Resize the first axis: add up weighted neighbours, one neighbour at a time.

    All at once they would take several times the memory of the photograph.
    """
    import tensorflow as tf

    length = tf.shape(pixels)[0]
    starts, weights = _triangle(length, size)

    def add(neighbour: Any, total: Any) -> Any:
        index = tf.minimum(starts + neighbour, length - 1)  # beyond the edge the weight is 0
        values = tf.cast(tf.gather(pixels, index), tf.int32)
        return neighbour + 1, total + values * weights[:, neighbour, None, None]

    half = tf.fill(tf.concat([[size], tf.shape(pixels)[1:]], axis=0), 1 << (_BITS - 1))
    _, total = tf.while_loop(
        lambda neighbour, _: neighbour < tf.shape(weights)[1],
        add,
        (tf.constant(0), half),
        shape_invariants=(tf.TensorShape([]), tf.TensorShape([size, *pixels.shape[1:]])),
        parallel_iterations=1,
    )
    return tf.cast(tf.bitwise.right_shift(total, _BITS), tf.uint8)


def _triangle(length: Any, size: int) -> tuple[Any, Any]:
    """First neighbour (size,) and fixed-point weights (size, N) of every output pixel, int32."""
    import tensorflow as tf

    scale = tf.cast(length, tf.float64) / size
    support = tf.maximum(scale, 1.0)
    centres = (tf.range(size, dtype=tf.float64) + 0.5) * scale
    starts = tf.maximum(tf.cast(tf.floor(centres - support + 0.5), tf.int32), 0)
    count = 2 * tf.cast(tf.math.ceil(support), tf.int32) + 1
    neighbours = starts[:, None] + tf.range(count)[None]
    distances = (tf.cast(neighbours, tf.float64) + 0.5 - centres[:, None]) / support
    values = tf.maximum(1.0 - tf.abs(distances), 0.0)
    values = tf.where(neighbours < length, values, 0.0)
    values /= tf.reduce_sum(values, axis=1, keepdims=True)
    return starts, tf.cast(tf.floor(values * (1 << _BITS) + 0.5), tf.int32)
