"""The four SkinNets as the paper and the design read them: the widths that fix each variant."""

from __future__ import annotations

import keras
import pytest

from skinnet_keras.models import SKINNETS, build_skinnet


def _head_width(model: keras.Model) -> int:
    return model.get_layer("diagnosis_logits").kernel.shape[0]


def _stem_channels(backbone: keras.Model) -> int:
    return next(
        layer for layer in backbone.layers if isinstance(layer, keras.layers.Conv2D)
    ).kernel.shape[2]


def test_v1_joins_1280_image_and_256_metadata_features():
    model = build_skinnet("v1", image_size=32)
    assert {tensor.name for tensor in model.inputs} == {"image", "metadata"}
    assert model.get_layer("cnn_features").output.shape[-1] == 1280
    assert _head_width(model) == 1536
    assert _stem_channels(model.get_layer("efficientnet_b0")) == 3


def test_v2_has_a_four_channel_stem():
    model = build_skinnet("v2", image_size=32)
    assert {tensor.name for tensor in model.inputs} == {"image", "mask", "metadata"}
    assert _stem_channels(model.get_layer("efficientnet_b0")) == 4
    assert _head_width(model) == 1536


def test_v3_has_eight_convolutions_a_1024_vector_and_64_features():
    model = build_skinnet("v3", image_size=224)
    convolutions = [model.get_layer(f"shape_conv{i}") for i in range(1, 9)]
    assert [layer.kernel.shape[0] for layer in convolutions] == [7, 7, 5, 5, 3, 3, 3, 3]
    assert [layer.filters for layer in convolutions] == [16, 32, 64, 128, 256, 256, 512, 1024]
    sides = [model.get_layer(f"shape_pool{i}").output.shape[1] for i in range(1, 9)]
    assert sides == [112, 56, 28, 14, 7, 4, 2, 1]
    assert model.get_layer("shape_vector").output.shape[-1] == 1024
    assert [model.get_layer(f"shape_linear{i}").units for i in (1, 2)] == [256, 64]
    assert _head_width(model) == 1600
    assert _stem_channels(model.get_layer("efficientnet_b0")) == 3


def test_v4_has_b0_on_four_channels_and_b3_on_the_cut_out():
    model = build_skinnet("v4", image_size=32)
    assert _stem_channels(model.get_layer("efficientnet_b0")) == 4
    assert _stem_channels(model.get_layer("lesion_efficientnet_b3")) == 3
    assert model.get_layer("image_vector").output.shape[-1] == 1280
    assert model.get_layer("image_linear1").units == 512
    assert model.get_layer("lesion_vector").output.shape[-1] == 1536
    assert [model.get_layer(f"lesion_linear{i}").units for i in (1, 2)] == [512, 256]
    assert model.get_layer("joined_features").output.shape[-1] == 1024
    assert model.get_layer("head_linear1").units == 512
    assert _head_width(model) == 512


@pytest.mark.parametrize("variant", SKINNETS)
def test_mask_branch_is_an_option_of_every_variant(variant):
    model = build_skinnet(variant, image_size=32, backbone="mbconv_tiny", mask_branch="mbconv")
    assert "mask" in {tensor.name for tensor in model.inputs}
    assert model.get_layer("mask_vector").output.shape[-1] == 64


def test_metadata_network_is_dense_norm_relu_with_dropout_after_the_first_three():
    model = build_skinnet("v1", image_size=32, backbone="mbconv_tiny")
    widths = [model.get_layer(f"metadata_dense{i}").units for i in range(1, 5)]
    assert widths == [512, 512, 512, 256]
    dropouts = [layer for layer in model.layers if layer.name.startswith("metadata_dropout")]
    assert [layer.rate for layer in dropouts] == [0.2, 0.2, 0.2]


def test_metadata_can_be_left_out():
    model = build_skinnet("v1", image_size=32, backbone="mbconv_tiny", metadata_dim=0)
    assert [tensor.name for tensor in model.inputs] == ["image"]


def test_head_units_add_a_hidden_layer():
    model = build_skinnet("v1", image_size=32, backbone="mbconv_tiny", head_units=[1536])
    assert _head_width(model) == 1536


@pytest.mark.parametrize(
    ("variant", "arguments", "known"),
    [
        ("v9", {}, "v1"),
        ("v1", {"backbone": "resnet"}, "efficientnet_b0"),
        ("v1", {"mask_branch": "dense"}, "mbconv"),
    ],
)
def test_unknown_names_list_the_known_ones(variant, arguments, known):
    with pytest.raises(ValueError, match=known):
        build_skinnet(variant, image_size=32, **arguments)
