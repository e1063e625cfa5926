from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from skinnet_keras.models.layers import (
    HardThreshold,
    ImageNormalization,
    SplitAttentionSum,
    image_normalization,
    mbconv,
)


def test_image_normalization_is_imagenets_on_raw_pixels():
    pixels = np.array([[[[0.0, 127.5, 255.0]]]], dtype="float32")
    expected = [(0.0 - 0.485) / 0.229, (0.5 - 0.456) / 0.224, (1.0 - 0.406) / 0.225]
    np.testing.assert_allclose(ImageNormalization()(pixels)[0, 0, 0], expected, rtol=1e-5)


def test_image_normalization_of_other_channels_is_centred():
    pixels = np.full((1, 2, 2, 5), 127.5, dtype="float32")
    np.testing.assert_allclose(image_normalization(5)(pixels), 0.0, atol=1e-6)


def test_hard_threshold_is_exactly_binary_and_includes_the_threshold():
    mask = HardThreshold(0.5)(np.array([0.0, 0.49999, 0.5, 0.7, 1.0], dtype="float32"))
    np.testing.assert_array_equal(mask, [0, 0, 1, 1, 1])


@pytest.mark.parametrize("threshold", [0.001, 0.1, 0.3, 0.5, 0.7, 0.999])
def test_hard_threshold_is_the_comparison_down_to_the_next_float(threshold):
    t = np.float32(threshold)
    near = [t]
    for direction in (0.0, 1.0):
        x = t
        for _ in range(3):
            x = np.nextafter(x, np.float32(direction), dtype=np.float32)
            near.append(x)
    spread = np.random.default_rng(0).uniform(0, 1, 10_000).astype(np.float32)
    values = np.concatenate([np.array(near), spread, np.float32([0.0, 1.0])])
    mask = ops.convert_to_numpy(HardThreshold(threshold)(values))
    assert mask.dtype == np.float32
    np.testing.assert_array_equal(mask, (values >= t).astype(np.float32))


def test_hard_threshold_passes_the_straight_through_gradient():
    tf = pytest.importorskip("tensorflow")
    layer, x = HardThreshold(0.5), tf.Variable([0.2, 0.9])
    with tf.GradientTape() as tape:
        y = layer(x, training=True)
        loss = tf.reduce_sum(y * [3.0, 5.0])
    np.testing.assert_allclose(y, [0.0, 1.0], atol=1e-6)
    np.testing.assert_allclose(tape.gradient(loss, x), [3.0, 5.0])


def test_split_attention_sum_weighs_each_channel_by_a_softmax_over_the_branches():
    a = np.full((1, 2, 2, 2), 1.0, dtype="float32")
    b = np.full((1, 2, 2, 2), 3.0, dtype="float32")
    # Logits of branch a, then of branch b: channel 0 prefers a 3:1, channel 1 is indifferent.
    logits = np.log(np.array([[3.0, 1.0, 1.0, 1.0]], dtype="float32"))
    result = ops.convert_to_numpy(SplitAttentionSum()([a, b, logits]))
    np.testing.assert_allclose(result[0, 0, 0], [0.75 * 1 + 0.25 * 3, 2.0], rtol=1e-6)


def test_split_attention_of_one_branch_is_a_sigmoid_gate():
    a = np.full((1, 1, 1, 1), 4.0, dtype="float32")
    result = SplitAttentionSum()([a, np.zeros((1, 1), dtype="float32")])
    np.testing.assert_allclose(result, 2.0)


@pytest.mark.parametrize(("stride", "filters", "residual"), [(1, 8, True), (2, 8, False)])
def test_mbconv_adds_the_residual_only_where_shapes_allow(stride, filters, residual):
    x = keras.Input((8, 8, 8))
    model = keras.Model(x, mbconv(x, filters, stride=stride, name="block"))
    assert model.output_shape == (None, 8 // stride, 8 // stride, filters)
    assert any(isinstance(layer, keras.layers.Add) for layer in model.layers) == residual
