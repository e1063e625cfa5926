"""TransUNet against the reference's table, and what could silently be wrong in it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable
from reduced_segmenters import REDUCED
from segmenter_parity import lively
from skinnet_keras.models.segmentation.blocks.group_norm import GroupNorm2D


@pytest.fixture(scope="module")
def full():
    return build_shapes("transunet")


@pytest.fixture(scope="module")
def small():
    return lively("transunet", image_size=64, **REDUCED["transunet"])


@pytest.mark.parametrize(
    ("prefixes", "count"),
    [
        ((), 105_275_921),
        (("root", "block"), 11_894_848),
        (("root", "block", "embed"), 12_832_576),
        (("vit",), 85_056_000),
        (("up",), 7_387_200),
        (("mask_logits",), 145),
        (("root",), 7 * 7 * 3 * 64 + 2 * 64),
        (("embed_position",), 196 * 768),
        (("up0",), 9 * 768 * 512 + 2 * 512),
        (("up4",), 9 * 64 * 16 + 9 * 16 * 16 + 4 * 16),
    ],
)
def test_parameters_of_the_reference(full, prefixes, count):
    assert trainable(full, *prefixes) == count


def test_parameters_at_256_differ_by_the_position_embedding():
    assert trainable(build_shapes("transunet", image_size=256)) == 105_322_001


def test_sizes_of_the_maps(full):
    sizes = {
        "root_relu": (112, 64),
        "pool": (55, 64),
        "block1_unit3_relu3": (55, 256),
        "block1_skip": (56, 256),
        "block2_unit4_relu3": (28, 512),
        "block3_unit9_relu3": (14, 1024),
        "vit_map": (14, 768),
        "up0_relu": (14, 512),
        "up1_unit2_relu": (28, 256),
        "up2_unit2_relu": (56, 128),
        "up3_unit2_relu": (112, 64),
        "up4_unit2_relu": (224, 16),
    }
    assert {name: full.get_layer(name).output.shape[2:] for name in sizes} == sizes


def test_normalisations(full):
    for layer in full.layers:
        if isinstance(layer, GroupNorm2D):
            shortcut = "shortcut" in layer.name
            channels = layer.gamma.shape[0]
            expected = (channels, 1e-5) if shortcut else (32, 1e-6)
            assert (layer.groups, layer.epsilon) == expected, layer.name
        elif isinstance(layer, keras.layers.LayerNormalization):
            assert layer.epsilon == 1e-6
        elif isinstance(layer, keras.layers.BatchNormalization):
            assert (layer.momentum, layer.epsilon) == (0.9, 1e-5)
        elif isinstance(layer, keras.layers.Dropout):
            assert layer.rate == 0.1


def test_gelu_is_the_exact_one(full):
    value = float(full.get_layer("vit_block1_gelu")(np.array([1.0], "float32"))[0])
    assert value == pytest.approx(0.8413447, abs=1e-6)  # The tanh form: 0.8411920.


def test_only_the_skip_of_block1_is_padded_at_bottom_and_right(small):
    last = small.get_layer("block1_unit2_relu3").output
    assert small.get_layer("block2_unit1_conv1").input is last
    assert small.get_layer("block2_unit1_shortcut").input is last
    both = keras.Model(small.input, [last, small.get_layer("block1_skip").output])
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 64, 3))
    plain, padded = (np.asarray(x) for x in both({"image": image}))
    assert padded.shape[1:3] == (16, 16)
    np.testing.assert_array_equal(padded[:, :15, :15], plain)
    assert not padded[:, 15].any()
    assert not padded[:, :, 15].any()


def test_first_units_have_a_shortcut_convolution_and_activate_after_the_sum(full):
    shortcuts = [x.name for x in full.layers if x.name.endswith("_shortcut")]
    assert sorted(shortcuts) == [f"block{block}_unit1_shortcut" for block in (1, 2, 3)]
    assert full.get_layer("block2_unit2_relu3").input is full.get_layer("block2_unit2_add").output


def test_the_up_sampled_map_comes_first(full):
    for level, skip in enumerate(["block2_unit4_relu3", "block1_skip", "root_relu"], start=1):
        first, second = full.get_layer(f"up{level}_concat").input
        assert first is full.get_layer(f"up{level}_x2").output
        assert second is full.get_layer(skip).output
    assert full.get_layer("up4_unit1_conv").input is full.get_layer("up4_x2").output


def test_strided_convolutions_pad_alike_on_both_sides(small):
    # "same" would look at the pixels right of and below the centre only on even sizes.
    x = keras.Model(small.input, small.get_layer("root_conv").output)
    kernel = small.get_layer("root_conv").get_weights()[0]
    standardized = (kernel - kernel.mean((0, 1, 2))) / np.sqrt(kernel.var((0, 1, 2)) + 1e-5)
    image = np.full((1, 64, 64, 3), 255.0 * np.array([0.485, 0.456, 0.406]))
    image[0, 10, 20, 0] += 255.0 * 0.229  # An impulse of 1 after the normalisation.
    y = np.asarray(x({"image": image}))[0]
    # Output (5, 10) is centred on input (10, 20).
    np.testing.assert_allclose(y[5, 10], standardized[3, 3, 0], atol=1e-4)
    np.testing.assert_allclose(y[4, 9], standardized[5, 5, 0], atol=1e-4)
