"""DCSAU-Net against the reference's table, and what could silently be wrong in it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable
from reduced_segmenters import REDUCED
from segmenter_parity import images, lively
from skinnet_keras.models import build_segmenter

BLOCKS = {
    "pfc": 17_216,
    "down1": 57_920,
    "down2": 216_000,
    "down3": 857_984,
    "down4": 758_656,
    "up1": 502_720,
    "up2": 129_600,
    "up3": 34_432,
    "up4": 24_192,
    "mask_logits": 65,
}


@pytest.fixture(scope="module")
def full():
    return build_shapes("dcsau_net")


@pytest.fixture(scope="module")
def small():
    return lively("dcsau_net", image_size=32, **REDUCED["dcsau_net"])


def test_parameters_of_the_reference(full):
    assert {block: trainable(full, block) for block in BLOCKS} == BLOCKS
    assert trainable(full) == 2_598_785


def test_sizes_of_the_maps(full):
    sizes = {
        "pfc_pointwise_bn": (224, 64),
        "down1_block2_relu": (112, 128),
        "down2_block2_relu": (56, 256),
        "down3_block2_relu": (28, 512),
        "down4_block2_relu": (14, 512),
        "up1_concat": (28, 1024),
        "up1_block2_relu": (28, 256),
        "up2_block2_relu": (56, 128),
        "up3_block2_relu": (112, 64),
        "up4_block2_relu": (224, 64),
    }
    assert {name: full.get_layer(name).output.shape[2:] for name in sizes} == sizes


def test_mean_follows_the_attention_in_the_first_blocks_of_the_inner_levels_only(full):
    averaged = {layer.name for layer in full.layers if layer.name.endswith("_average")}
    levels = ("down2", "down3", "down4", "up1", "up2", "up3")
    assert averaged == {f"{level}_block1_average" for level in levels}


def test_shortcut_is_the_identity_where_the_width_stays(full):
    projected = {layer.name for layer in full.layers if layer.name.endswith("_shortcut_conv")}
    levels = ("down1", "down2", "down3", "up1", "up2", "up3", "up4")
    assert projected == {f"{level}_block1_shortcut_conv" for level in levels}


def test_first_layer_normalises_after_the_relu(full):
    for part in ("conv", "depthwise", "pointwise"):
        assert full.get_layer(f"pfc_{part}_relu").input is full.get_layer(f"pfc_{part}").output
        assert full.get_layer(f"pfc_{part}_bn").input is full.get_layer(f"pfc_{part}_relu").output


def test_skip_connection_comes_first(full):
    skip, up = full.get_layer("up1_concat").input
    assert skip is full.get_layer("down3_block2_relu").output
    assert up is full.get_layer("up1_x2").output
    assert full.get_layer("up4_concat").input[0] is full.get_layer("pfc_pointwise_bn").output


def test_attention_weighs_the_two_halves_in_cascade(small):
    """The softmax over the halves, in NumPy; the second half has seen the first."""
    name = "down1_block1_csa"
    tensors = [small.get_layer(f"{name}_split").output[0], small.get_layer(name).output]
    tensors += [small.get_layer(f"{name}_{part}").output for part in ("second_relu", "fc2")]
    probe = keras.Model(small.inputs, tensors)
    first, out, second, logits = (np.asarray(y) for y in probe({"image": images(small)}))
    cascade = small.get_layer(f"{name}_cascade").input
    assert cascade[0] is small.get_layer(f"{name}_split").output[0]
    assert small.get_layer(f"{name}_second_conv").input is small.get_layer(f"{name}_cascade").output
    weights = np.exp(logits.reshape(len(logits), 2, 1, 1, -1))
    weights = weights / weights.sum(axis=1, keepdims=True)
    expected = weights[:, 0] * first + weights[:, 1] * second
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_border_of_the_mean_counts_zeros(full):
    ones = np.ones((1, 4, 4, 64), "float32")
    pad, mean = (full.get_layer(f"down2_block1_{part}") for part in ("pad", "average"))
    y = np.asarray(mean(pad(ones)))[0, :, :, 0]
    np.testing.assert_allclose(y[0], [4 / 9, 6 / 9, 6 / 9, 4 / 9], rtol=1e-6)
    np.testing.assert_allclose(y[1], [6 / 9, 1, 1, 6 / 9], rtol=1e-6)


def test_widths_of_encoder_and_decoder_must_match():
    with pytest.raises(ValueError, match=r"^dcsau_net: 4 encoder widths need as many decoder"):
        build_segmenter("dcsau_net", image_size=32, decoder_widths=(8, 8))


def test_two_models_share_nothing():
    arguments = {"image_size": 16, **REDUCED["dcsau_net"]}
    first, second = (build_segmenter("dcsau_net", **arguments) for _ in range(2))
    assert not {id(weight) for weight in first.weights} & {id(weight) for weight in second.weights}
