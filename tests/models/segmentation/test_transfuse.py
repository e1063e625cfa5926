"""TransFuse against the reference's table, and what could silently be wrong in it."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable
from reduced_segmenters import REDUCED
from segmenter_parity import images, lively
from skinnet_keras.models import build_segmenter

LARGE: dict[str, Any] = {"bottleneck": True, "token_width": 768, "depth": 12, "num_heads": 12}
AUXILIARY = {"map_1": 37_633, "map_x": 54_209}
BLOCKS = {
    "deit": 14_567_424 - 384,  # without the class token
    "t1": 640_128,
    "t2": 119_360,
    "f0": 1_357_636,
    "f1": 318_244,
    "f2": 84_452,
    "j1": 690_179,
    "j2": 173_059,
    "map_2": 37_633,
}
RESNET = ("stem", "c2", "c1", "c0")


@pytest.fixture(scope="module")
def full():
    return build_shapes("transfuse")


@pytest.fixture(scope="module")
def small():
    return lively("transfuse", image_size=64, **REDUCED["transfuse"])


def test_parameters_of_the_reference(full):
    blocks = BLOCKS | AUXILIARY
    assert {block: trainable(full, block) for block in blocks} == blocks
    assert trainable(full, *RESNET) == 8_170_304
    assert trainable(full) == 26_249_877


def test_parameters_without_deep_supervision():
    model = build_shapes("transfuse", deep_supervision=False)
    assert trainable(model) == 26_249_877 - sum(AUXILIARY.values())
    assert list(model.output) == ["mask_logits"]


def test_parameters_of_the_large_one():
    model = build_shapes("transfuse", **LARGE)
    # The reference's count is for 12x16 tokens of width 768, ours for 14x14.
    assert trainable(model) == 143_540_021 + (14 * 14 - 12 * 16) * 768
    assert trainable(model, *RESNET) == 8_543_296  # torchvision's ResNet-50 without layer4 and fc


def test_sizes_of_the_maps(full):
    sizes = {
        "stem_pool": (56, 64),
        "c2_dropout": (56, 64),
        "c1_dropout": (28, 128),
        "c0_dropout": (14, 256),
        "deit_map": (14, 384),
        "t1_relu": (28, 128),
        "t2_relu": (56, 64),
        "f0_dropout": (14, 256),
        "f1_dropout": (28, 128),
        "f2_dropout": (56, 64),
        "j1_relu": (28, 128),
        "j2_relu": (56, 64),
    }
    assert {name: full.get_layer(name).output.shape[2:] for name in sizes} == sizes


def test_three_outputs_from_the_fused_the_transformer_and_the_coarsest_maps(full):
    assert set(full.output) == {"mask_logits", "mask_logits_1", "mask_logits_x"}
    for output in full.output.values():
        assert output.shape == (None, 224, 224, 1)
    sources = {"map_2_unit_conv": "j2_relu", "map_1_unit_conv": "t2_dropout"}
    sources["map_x_reduce_conv"] = "f0_dropout"
    for head, source in sources.items():
        assert full.get_layer(head).input is full.get_layer(source).output
    for name, size in {"mask_logits": 4, "mask_logits_1": 4, "mask_logits_x": 16}.items():
        assert full.get_layer(name).size == size


def test_order_of_the_concatenations(full):
    names = {
        "f1_spatial_pooled": ("f1_spatial_max", "f1_spatial_mean"),
        "f1_concat": ("f1_spatial_gate", "f1_channel_gate", "f1_bilinear_relu"),
        "j1_concat": ("j1_gate_product", "j1_x2"),
    }
    for name, inputs in names.items():
        for tensor, source in zip(full.get_layer(name).input, inputs, strict=True):
            assert tensor is full.get_layer(source).output, name


def test_dropouts(full):
    rates = {
        layer.name: layer.rate
        for layer in full.layers
        if isinstance(layer, keras.layers.SpatialDropout2D)
    }
    branches = {f"{name}_dropout": 0.2 for name in ("t0", "t1", "t2", "c2", "c1", "c0")}
    assert rates == branches | {f"f{i}_dropout": 0.1 for i in (0, 1, 2)}
    assert full.get_layer("c1_block1_1_pad").input is full.get_layer("c2_dropout").output


def test_attention_of_the_transformer_by_hand(small):
    name = "deit_block2"
    tensors = [small.get_layer(f"{name}_{part}").output for part in ("qkv", "attention")]
    probe = keras.Model(small.inputs, tensors)
    qkv, out = (np.asarray(y, "float64") for y in probe({"image": images(small)}))
    # Channels of the projection: q, k, v; then the heads; then the channels of a head.
    q, k, v = np.moveaxis(qkv.reshape(2, 16, 3, 2, 8), (2, 3), (0, 2))
    scores = np.exp(q @ np.swapaxes(k, -1, -2) / np.sqrt(8))
    heads = scores / scores.sum(axis=-1, keepdims=True) @ v
    np.testing.assert_allclose(out, np.moveaxis(heads, 1, 2).reshape(2, 16, 16), atol=1e-5)


def test_strided_layers_are_padded_alike_on_all_sides(full):
    for name, padding in {"stem": 3, "stem_pool": 1, "c1_block1_1": 1}.items():
        assert full.get_layer(f"{name}_pad").padding == ((padding, padding), (padding, padding))
    assert full.get_layer("stem_conv").padding == "valid"
    assert full.get_layer("c1_block1_1_conv").strides == (2, 2)


def test_epsilons(full):
    for layer in full.layers:
        if isinstance(layer, keras.layers.LayerNormalization):
            assert layer.epsilon == 1e-6, layer.name
        if isinstance(layer, keras.layers.BatchNormalization):
            assert (layer.epsilon, layer.momentum) == (1e-5, 0.9), layer.name


@pytest.mark.parametrize(("size", "classes"), [(32, 1), (80, 3)])
def test_bottlenecks_on_any_multiple_of_16(size, classes):
    model = build_segmenter(
        "transfuse",
        image_size=size,
        num_classes=classes,
        input_channels=1,
        bottleneck=True,
        **REDUCED["transfuse"],
    )
    for logits in model({"image": images(model)}).values():
        assert logits.shape == (2, size, size, classes)
        assert np.all(np.isfinite(logits))


def test_impossible_number_of_heads_is_refused():
    with pytest.raises(ValueError, match=r"^transfuse: token_width 16 must be a multiple"):
        build_segmenter("transfuse", image_size=32, token_width=16, num_heads=3)
