from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.group_norm import GroupNorm2D


def _maps(shape, seed: int = 0) -> np.ndarray:
    return (np.random.default_rng(seed).normal(size=shape) + 3.0).astype("float32")


def _expected(x: np.ndarray, groups: int, epsilon: float = 1e-5) -> np.ndarray:
    batch, channels = x.shape[0], x.shape[-1]
    z = x.astype("float64").reshape(batch, -1, groups, channels // groups)
    z = z - z.mean(axis=(1, 3), keepdims=True)
    return (z / np.sqrt(z.var(axis=(1, 3), keepdims=True) + epsilon)).reshape(x.shape)


def test_every_group_is_normalised_by_itself():
    x = _maps((2, 5, 7, 8))
    np.testing.assert_allclose(GroupNorm2D(4)(x), _expected(x, 4), atol=1e-5)


def test_scale_and_shift_are_of_each_channel():
    x = _maps((1, 3, 3, 4))
    layer = GroupNorm2D(2)
    layer.build(x.shape)
    layer.gamma.assign([1.0, 2.0, 3.0, 4.0])
    layer.beta.assign([0.1, 0.2, 0.3, 0.4])
    expected = _expected(x, 2) * [1, 2, 3, 4] + [0.1, 0.2, 0.3, 0.4]
    np.testing.assert_allclose(layer(x), expected, atol=1e-5)


def test_a_large_single_map_keeps_its_digits():
    x = _maps((1, 224, 224, 8))
    np.testing.assert_allclose(GroupNorm2D(4)(x), _expected(x, 4), atol=5e-6)


def test_half_precision_normalises_in_float32():
    x = (1000.0 * np.random.default_rng(0).normal(size=(1, 8, 8, 4))).astype("float16")
    y = GroupNorm2D(2, dtype="mixed_float16")(x)
    assert y.dtype == "float16"
    np.testing.assert_allclose(y, _expected(x, 2), atol=5e-3)


def test_channels_that_cannot_be_grouped_are_refused():
    with pytest.raises(ValueError, match="6 channels cannot be cut into 4 groups"):
        GroupNorm2D(4)(keras.Input((8, 8, 6)))


def test_config_round_trip():
    again = keras.layers.deserialize(keras.layers.serialize(GroupNorm2D(4, epsilon=1e-6)))
    assert isinstance(again, GroupNorm2D)
    assert (again.groups, again.epsilon) == (4, 1e-6)
