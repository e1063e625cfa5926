"""The resize inside the graph is Pillow's."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

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


def test_which_pass_is_first_is_pillows_choice():
    resize = tf.function(lambda rgb: resize_like_pillow(rgb, 64), input_signature=[ANY])
    # Around the rule's border: 400 - 64 = 2 * (232 - 64), and a width that grows.
    for height, width in ((400, 300), (400, 231), (400, 232), (400, 233), (500, 40), (65, 64)):
        rgb = _noise(height, width)
        np.testing.assert_array_equal(resize(rgb), resize_image(rgb, 64), err_msg=str(rgb.shape))
