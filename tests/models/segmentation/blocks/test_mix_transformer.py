"""Blocks of MISSFormer and TransCeption against values worked out by hand or in plain NumPy."""

from __future__ import annotations

from math import erf, sqrt

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.attention import (
    DotProductAttention,
    FactorizedAttention,
)
from skinnet_keras.models.segmentation.blocks.context_bridge import (
    _channel_attention,
    _channel_major_tokens,
    _cut,
    _join,
)
from skinnet_keras.models.segmentation.blocks.coordinate_attention import (
    SiLUGate,
    coordinate_attention,
)
from skinnet_keras.models.segmentation.blocks.expanding_decoder import DepthToSpace
from skinnet_keras.models.segmentation.blocks.inception_stage import inception_stage
from skinnet_keras.models.segmentation.blocks.mix_transformer import mix_ffn, patch_embedding
from skinnet_keras.models.segmentation.blocks.splitting import Split


def _random(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def _softmax(x: np.ndarray, axis: int) -> np.ndarray:
    e = np.exp(x - x.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


def _model(block, shape: tuple[int, ...], **arguments) -> keras.Model:
    inputs = keras.Input(shape)
    return keras.Model(inputs, block(inputs, **arguments))


def _set(model: keras.Model, name: str, *weights) -> None:
    model.get_layer(name).set_weights([np.asarray(weight) for weight in weights])


def test_dot_product_attention_of_two_heads():
    queries, keys_values = _random(2, 2, 3, 4), _random(2, 5, 8)
    actual = np.asarray(DotProductAttention(2)([queries, keys_values]))
    for image in range(2):
        for head in range(2):
            part = slice(2 * head, 2 * head + 2)
            q = queries[image].reshape(6, 4)[:, part]
            k, v = keys_values[image, :, :4][:, part], keys_values[image, :, 4:][:, part]
            expected = _softmax(q @ k.T / sqrt(2), axis=1) @ v
            np.testing.assert_allclose(
                actual[image].reshape(6, 4)[:, part], expected, rtol=1e-4, atol=1e-5
            )


def test_factorized_attention_of_two_heads():
    q, k, v = _random(3, 1, 2, 3, 4)
    actual = np.asarray(FactorizedAttention(2, scale=0.5)([q, k, v]))
    flat_q, flat_k, flat_v, flat = (x.reshape(6, 4) for x in (q, k, v, actual))
    for part in (slice(0, 2), slice(2, 4)):
        context = _softmax(flat_k[:, part], axis=0).T @ flat_v[:, part]
        np.testing.assert_allclose(flat[:, part], 0.5 * flat_q[:, part] @ context, atol=1e-5)


def test_attention_of_equal_keys_is_the_mean_of_the_values():
    values = _random(1, 7, 4)
    keys_values = np.concatenate([np.ones_like(values), values], axis=-1)
    actual = np.asarray(DotProductAttention(1)([_random(1, 3, 4), keys_values]))
    np.testing.assert_allclose(actual, np.tile(values.mean(axis=1), (1, 3, 1)), atol=1e-6)


def test_split_inverts_concatenate_and_refuses_other_lengths():
    x = _random(2, 9, 3)
    pieces = Split([2, 3, 4], axis=1)(x)
    assert [piece.shape[1] for piece in pieces] == [2, 3, 4]
    np.testing.assert_array_equal(np.concatenate(pieces, axis=1), x)
    with pytest.raises(ValueError, match="sum to 8, but axis 1"):
        Split([4, 4], axis=1)(x)


@pytest.mark.parametrize(
    "layer",
    [
        DotProductAttention(2),
        FactorizedAttention(4, 0.5),
        Split([1, 2], axis=1),
        DepthToSpace(4),
        SiLUGate(),
    ],
)
def test_config_round_trip(layer):
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert type(again) is type(layer)
    assert again.get_config() == layer.get_config()


def test_depth_to_space_reads_row_then_column_then_channel():
    # One pixel of 2 x 2 x 3 channels.
    pixel = np.arange(12, dtype="float32").reshape(1, 1, 1, 12)
    actual = np.asarray(DepthToSpace(2)(pixel))
    np.testing.assert_array_equal(actual[0, :, :, 0], [[0, 3], [6, 9]])
    np.testing.assert_array_equal(actual[0, :, :, 2], [[2, 5], [8, 11]])
    assert DepthToSpace(2).compute_output_shape((None, 5, 7, 12)) == (None, 10, 14, 3)


def test_patch_embedding_pads_both_sides():
    model = _model(patch_embedding, (4, 4, 1), width=2, kernel_size=3, stride=2, name="e")
    kernel = np.zeros((3, 3, 1, 2))
    kernel[0, 0, 0, 0] = 1.0  # the pixel above and left of the patch's centre
    _set(model, "e_conv", kernel, np.zeros(2))
    image = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)
    before_norm = keras.Model(model.input, model.get_layer("e_conv").output)
    np.testing.assert_array_equal(before_norm(image)[0, :, :, 0], [[0, 0], [0, 5]])


def test_mix_ffn_adds_the_depthwise_convolution_before_norm_and_exact_gelu():
    model = _model(mix_ffn, (1, 1, 2), name="ffn", ratio=1)
    _set(model, "ffn_linear1", np.eye(2), np.zeros(2))
    depthwise = np.zeros((3, 3, 2, 1))
    depthwise[1, 1] = 1.0  # one pixel: the centre only
    _set(model, "ffn_depthwise", depthwise, np.array([0.0, 1.0]))
    _set(model, "ffn_linear2", np.eye(2), np.array([10.0, 20.0]))
    # h = (1, 3); depthwise + h = (2, 7); normalised to (-1, 1), since 1e-5 is nothing to 6.25.
    actual = np.asarray(model(np.array([[[[1.0, 3.0]]]], "float32")))[0, 0, 0]
    gelu = [x * (1 + erf(x / sqrt(2))) / 2 for x in (-1.0, 1.0)]
    np.testing.assert_allclose(actual, [10 + gelu[0], 20 + gelu[1]], atol=1e-5)


def test_bridge_cuts_a_wide_pixel_into_consecutive_tokens():
    shapes = [(2, 2, 2), (1, 1, 4)]
    maps = [np.arange(8.0).reshape(1, 2, 2, 2), np.arange(100.0, 104.0).reshape(1, 1, 1, 4)]
    tokens = _join([keras.ops.convert_to_tensor(x) for x in maps], shapes, "join")
    np.testing.assert_array_equal(
        tokens[0], [[0, 1], [2, 3], [4, 5], [6, 7], [100, 101], [102, 103]]
    )
    for piece, x in zip(_cut(tokens, shapes, "cut"), maps, strict=True):
        np.testing.assert_array_equal(piece, x)


def test_reduced_maps_become_tokens_channel_first():
    x = _random(2, 3, 4, 10)  # five tokens of width 2 a pixel
    actual = np.asarray(_channel_major_tokens(keras.ops.convert_to_tensor(x), 2, "reduce"))
    channel_first = x.transpose(0, 3, 1, 2).reshape(2, 2, -1)
    np.testing.assert_array_equal(actual, channel_first.transpose(0, 2, 1))


def test_channel_attention_reshapes_without_transposing():
    model = _model(_channel_attention, (6, 2), shapes=(), name="attention")
    for part in ("q", "k", "v", "project"):
        _set(model, f"attention_{part}", np.eye(2), np.zeros(2))
    x = _random(1, 6, 2)
    rows = x[0].reshape(2, 6)  # the first row holds the first three tokens
    context = _softmax(rows, axis=1) @ rows.T
    expected = (context.T @ _softmax(rows, axis=0)).T
    np.testing.assert_allclose(model(x)[0], expected, atol=1e-5)


def test_silu_gate_is_at_most_the_identity():
    x = np.array([-3.0, 0.0, 1.0, 10.0], "float32")
    actual = np.asarray(SiLUGate()(x))
    gate = [0.0, 3 / (1 + np.exp(-3)) / 6, 4 / (1 + np.exp(-4)) / 6, 1.0]
    np.testing.assert_allclose(actual, x * gate, atol=1e-6)


def test_coordinate_attention_gates_rows_and_columns():
    model = _model(coordinate_attention, (2, 3, 1), name="fusion")
    weights = {"squeeze": np.zeros((1, 1, 1, 8)), "row_gate": np.zeros((1, 1, 8, 1))}
    weights["column_gate"] = weights["row_gate"].copy()
    weights["squeeze"][..., 0] = 1.0
    weights["row_gate"][..., 0, :], weights["column_gate"][..., 0, :] = 1.0, -2.0
    for name, kernel in weights.items():
        _set(model, f"fusion_{name}", kernel, np.zeros(kernel.shape[-1]))
    one = np.ones(8)
    _set(model, "fusion_squeeze_bn", one, 0 * one, 0 * one, one - 1e-5)
    image = np.array([[0.0, 3.0, 6.0], [1.0, 2.0, 30.0]], "float32")

    def gate(x):
        return x * np.minimum((x + 3) / (1 + np.exp(-x - 3)) / 6, 1)

    rows = 1 / (1 + np.exp(-gate(image.mean(axis=1))))
    columns = 1 / (1 + np.exp(2 * gate(image.mean(axis=0))))
    expected = image * rows[:, None] * columns[None, :]
    np.testing.assert_allclose(model(image[None, :, :, None])[0, :, :, 0], expected, rtol=1e-4)


@pytest.fixture(scope="module")
def stage():
    return _model(inception_stage, (8, 8, 8), width=16, depth=2, name="e2")


def test_stage_halves_the_map_and_concatenates_the_residual_first(stage):
    assert stage.output_shape == (None, 4, 4, 16)
    names = [tensor._keras_history.operation.name for tensor in stage.get_layer("e2_concat").input]
    assert names == ["e2_residual_add", *(f"e2_path{i}_block2_add2" for i in (1, 2, 3))]


def test_receptive_fields_grow_along_the_chain(stage):
    chain = [stage.get_layer(f"e2_merge{i}_depthwise") for i in (1, 2, 3)]
    assert [layer.strides for layer in chain] == [(2, 2), (1, 1), (1, 1)]
    assert chain[1].input is stage.get_layer("e2_merge1_hard_swish").output
    assert chain[2].input is stage.get_layer("e2_merge2_hard_swish").output


def test_blocks_of_a_path_share_both_position_encodings(stage):
    for path in (1, 2, 3):
        for name in ("position", "relative3", "relative5", "relative7"):
            assert len(stage.get_layer(f"e2_path{path}_{name}")._inbound_nodes) == 2
    shapes = [stage.get_layer(f"e2_path1_relative{side}").kernel.shape for side in (3, 5, 7)]
    assert shapes == [(3, 3, 2, 1), (5, 5, 3, 1), (7, 7, 3, 1)]
