"""The resize inside the graph is Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from skinnet_keras.data.image_io import resize_image
from skinnet_keras.export.image_bytes.resize import resize_like_pillow

ANY = tf.TensorSpec((None, None, 3), tf.uint8)


def _noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [1, 37, 96])
def test_wide_pictures_are_equal_to_the_last_grey_level(size):
    resize = tf.function(lambda rgb: resize_like_pillow(rgb, size), input_signature=[ANY])
    for height, width in ((1, 1), (40, 50), (72, 96), (96, 96), (97, 101), (7, 300), (450, 600)):
        rgb = _noise(height, width)
        np.testing.assert_array_equal(resize(rgb), resize_image(rgb, size), err_msg=str(rgb.shape))


def test_tall_pictures_are_equal_too_but_for_the_order_of_pillow_13():
    rgb = _noise(400, 300)
    columns_first = Image.fromarray(rgb).resize((64, 400), Image.Resampling.BILINEAR)
    expected = np.asarray(columns_first.resize((64, 64), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(resize_like_pillow(tf.constant(rgb), 64), expected)
    pillow = resize_image(rgb, 64).astype(int)
    assert np.abs(resize_like_pillow(tf.constant(rgb), 64).numpy() - pillow).max() <= 1
