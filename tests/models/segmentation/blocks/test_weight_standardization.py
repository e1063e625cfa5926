from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.weight_standardization import StandardizedConv2D


def test_filters_are_standardised_one_by_one():
    layer = StandardizedConv2D(2, 2, use_bias=False)
    layer.build((None, 2, 2, 1))
    # Filter 1: mean 2.5, biased variance 1.25; filter 2 is constant and vanishes.
    kernel = np.stack([np.array([[1, 2], [3, 4]]), np.full((2, 2), 7)], axis=-1)[:, :, None, :]
    layer.set_weights([kernel])
    image = np.array([[10.0, 0.0], [0.0, 100.0]], "float32").reshape(1, 2, 2, 1)
    expected = (-1.5 * 10 + 1.5 * 100) / np.sqrt(1.25 + 1e-5)
    np.testing.assert_allclose(layer(image)[0, 0, 0], [expected, 0.0], rtol=1e-5, atol=1e-4)


def test_scale_and_shift_of_the_stored_kernel_do_not_matter():
    layer = StandardizedConv2D(3, 3, epsilon=1e-9, bias_initializer="ones")
    image = np.random.default_rng(0).normal(size=(1, 5, 5, 4)).astype("float32")
    before = np.asarray(layer(image))
    kernel, bias = layer.get_weights()
    layer.set_weights([kernel * 50 + 3, bias])
    np.testing.assert_allclose(layer(image), before, atol=1e-3)


@pytest.mark.parametrize("policy", ["float32", "mixed_float16"])
def test_small_weights_keep_their_variance(policy):
    # In float16 the variance 1e-6 of such weights would lose most of its digits.
    layer = StandardizedConv2D(1, 3, epsilon=1e-9, use_bias=False, dtype=policy)
    layer.build((None, 3, 3, 8))
    kernel = np.random.default_rng(0).normal(0, 1e-3, (3, 3, 8, 1))
    layer.set_weights([kernel])
    impulse = np.zeros((1, 3, 3, 8), "float32")
    impulse[0, 1, 2, 3] = 1.0
    expected = (kernel[1, 2, 3, 0] - kernel.mean()) / kernel.std()
    np.testing.assert_allclose(layer(impulse)[0, 0, 0, 0], expected, rtol=5e-3)


def test_round_trip():
    layer = StandardizedConv2D(4, 3, strides=2, epsilon=1e-4, use_bias=False)
    again = StandardizedConv2D.from_config(layer.get_config())
    assert (again.filters, again.strides, again.epsilon, again.use_bias) == (4, (2, 2), 1e-4, False)
    assert isinstance(again, keras.layers.Conv2D)
