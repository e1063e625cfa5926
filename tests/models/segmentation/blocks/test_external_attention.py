from __future__ import annotations

import keras
import numpy as np

from skinnet_keras.models.segmentation.blocks.external_attention import ExternalAttention


def test_two_pixels_by_hand():
    layer = ExternalAttention(2)
    layer.build((1, 1, 2, 1))
    layer.keys.assign([[0.0, 1.0]])
    layer.values.assign([[1.0], [10.0]])
    pixels = np.reshape(np.array([0.0, np.log(3.0)], "float32"), (1, 1, 2, 1))
    # Softmax over the two pixels: key 1 has 1/2, 1/2; key 2 has 1/4, 3/4. Then over the keys:
    # pixel 1 has 2/3, 1/3; pixel 2 has 2/5, 3/5.
    expected = [2 / 3 * 1 + 1 / 3 * 10, 2 / 5 * 1 + 3 / 5 * 10]
    np.testing.assert_allclose(np.ravel(layer(pixels)), expected, rtol=1e-5)


def test_values_start_as_the_transposed_keys():
    layer = ExternalAttention(96)
    layer.build((None, 4, 4, 24))
    keys = np.asarray(layer.keys)
    np.testing.assert_array_equal(layer.values, keys.T)
    np.testing.assert_allclose(keys.std(), np.sqrt(2 / 24), rtol=0.1)


def test_pixels_do_not_depend_on_their_places():
    layer = ExternalAttention(8)
    maps = np.random.default_rng(0).normal(size=(2, 3, 4, 5)).astype("float32")
    turned = np.transpose(layer(np.transpose(maps, (0, 2, 1, 3))), (0, 2, 1, 3))
    np.testing.assert_allclose(layer(maps), turned, atol=1e-6)


def test_config_round_trip():
    again = keras.layers.deserialize(keras.layers.serialize(ExternalAttention(96)))
    assert isinstance(again, ExternalAttention)
    assert again.memory == 96
