from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.grouped_convolution import GroupedConv2D


@pytest.fixture
def maps() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(2, 6, 6, 8)).astype("float32")


@pytest.mark.parametrize("training", [False, True])
def test_is_a_convolution_in_groups(maps, training):
    grouped = GroupedConv2D(12, 3, groups=2)
    grouped.build(maps.shape)
    plain = keras.layers.Conv2D(6, 3, padding="same", use_bias=False)
    plain.build((2, 6, 6, 4))
    halves = []
    for part in (0, 1):
        plain.kernel.assign(grouped.kernel[..., 6 * part : 6 * part + 6])
        halves.append(plain(maps[..., 4 * part : 4 * part + 4]))
    np.testing.assert_allclose(
        grouped(maps, training=training), np.concatenate(halves, axis=-1), atol=1e-5
    )


def test_weights_are_those_of_keras_s_grouped_convolution(maps):
    grouped = GroupedConv2D(12, 3, groups=2)
    keras_s = keras.layers.Conv2D(12, 3, groups=2, padding="same", use_bias=False)
    grouped.build(maps.shape)
    keras_s.build(maps.shape)
    keras_s.set_weights(grouped.get_weights())
    np.testing.assert_allclose(grouped(maps), keras_s(maps), atol=1e-5)


def test_training_needs_no_xla(maps):
    tf = pytest.importorskip("tensorflow")
    layer = GroupedConv2D(12, 3, groups=2)
    layer.build(maps.shape)
    for training in (False, True):
        graph = tf.function(lambda x, t=training: layer(x, training=t))
        nodes = graph.get_concrete_function(tf.constant(maps)).graph.as_graph_def()
        assert "_XlaMustCompile" not in str(nodes)


def test_config_round_trip():
    again = keras.layers.deserialize(keras.layers.serialize(GroupedConv2D(12, 3, groups=2)))
    assert isinstance(again, GroupedConv2D)
    assert (again.filters, again.kernel_size, again.groups, again.use_bias) == (
        12,
        (3, 3),
        2,
        False,
    )
