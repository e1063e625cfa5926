"""Up-sampling without TILE: the same values, exchanged where it is nearest."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import layers

from skinnet_keras.export.nearest_upsampling import NearestUpsampling, with_delegated_upsampling


@pytest.mark.parametrize("size", [(2, 2), (3, 1), (1, 2)])
def test_values_are_those_of_keras(size):
    x = np.random.default_rng(0).normal(size=(2, 3, 5, 4)).astype("float32")
    ours = NearestUpsampling(size)(x)
    np.testing.assert_array_equal(ours, layers.UpSampling2D(size, interpolation="nearest")(x))
    assert NearestUpsampling(size).compute_output_shape(x.shape) == ours.shape


def test_config_rebuilds_the_layer():
    layer = NearestUpsampling((2, 3), name="up")
    copy = NearestUpsampling.from_config(layer.get_config())
    assert (copy.size, copy.name) == ((2, 3), "up")


def _network(interpolation: str) -> keras.Model:
    """Up-sampling inside a network inside a network, as a segmenter is in an end-to-end model."""
    inner = keras.Input((4, 4, 2))
    x = layers.Conv2D(3, 1, name="conv")(inner)
    x = layers.UpSampling2D(2, interpolation=interpolation, name="up")(x)
    part = keras.Model(inner, layers.DepthwiseConv2D(3, name="last")(x), name="part")
    image = keras.Input((4, 4, 2), name="image")
    return keras.Model({"image": image}, {"y": layers.Conv2D(1, 1, name="head")(part(image))})


def test_nearest_upsampling_is_exchanged_also_in_nested_networks():
    model = _network("nearest")
    copy = with_delegated_upsampling(model)
    assert isinstance(copy.get_layer("part").get_layer("up"), NearestUpsampling)
    assert isinstance(model.get_layer("part").get_layer("up"), layers.UpSampling2D)
    x = {"image": np.random.default_rng(0).normal(size=(2, 4, 4, 2)).astype("float32")}
    np.testing.assert_array_equal(copy(x)["y"], model(x)["y"])


def test_other_networks_stay_as_they_are():
    model = _network("bilinear")
    assert with_delegated_upsampling(model) is model
