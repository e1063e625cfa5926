"""TransDeepLab against the reference's table, and what could silently be wrong in it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable
from reduced_segmenters import REDUCED
from skinnet_keras.models import build_segmenter
from skinnet_keras.models.segmentation.blocks.drop_path import DropPath
from skinnet_keras.models.segmentation.blocks.window_attention import WindowAttention
from skinnet_keras.models.segmentation.transdeeplab import sspp_windows

ENCODER = ("embed", "stage", "merge", "low")
SSPP = ("sspp", "fusion")
DECODER = ("up", "last", "out", "mask_logits")


@pytest.fixture(scope="module")
def full():
    return build_shapes("transdeeplab")


def _attentions(model, prefix):
    return [
        (layer.num_heads, layer.grid, layer.window, layer.shift)
        for layer in model.layers
        if isinstance(layer, WindowAttention) and layer.name.startswith(prefix)
    ]


@pytest.mark.parametrize(
    ("levels", "total", "sspp"),
    [
        (1, 17_481_606, 1_838_190),
        (2, 21_142_140, 5_498_724),
        (3, 24_850_866, 9_207_450),
        (4, 28_608_696, 12_965_280),
    ],
)
def test_parameters_of_the_reference(levels, total, sspp):
    model = build_shapes("transdeeplab", sspp_levels=levels)
    assert trainable(model, *ENCODER) == 12_151_434
    assert trainable(model, *SSPP) == sspp
    assert trainable(model, *DECODER) == 3_491_982
    assert trainable(model) == total


def test_sizes_of_the_maps(full):
    sizes = {
        "low": (56, 96),
        "merge1_reduction": (28, 192),
        "merge2_reduction": (14, 384),
        "sspp_concat": (14, 768),
        "fusion_projection": (14, 96),
        "up1_expand_norm": (28, 96),
        "up2_expand_norm": (56, 96),
        "join": (56, 192),
        "last_expand_norm": (112, 192),
        "out_expand_norm": (224, 192),
    }
    assert {name: full.get_layer(name).output.shape[2:] for name in sizes} == sizes


def test_heads_windows_and_shifts(full):
    assert _attentions(full, "stage0") == [(3, 56, 7, 0), (3, 56, 7, 3)]
    assert _attentions(full, "stage1") == [(6, 28, 7, 0), (6, 28, 7, 3)]
    assert _attentions(full, "stage2") == 3 * [(12, 14, 7, 0), (12, 14, 7, 3)]
    assert _attentions(full, "sspp1") == [(3, 14, 7, 0), (3, 14, 7, 3)]
    assert _attentions(full, "sspp2") == [(3, 14, 14, 0)]
    assert _attentions(full, "up1") == [(3, 14, 7, 0), (3, 14, 7, 3)]
    assert _attentions(full, "up2") == [(3, 28, 7, 0), (3, 28, 7, 3)]
    assert _attentions(full, "last") == 3 * [(3, 56, 7, 0), (3, 56, 7, 3)]


def test_windows_of_the_pyramid():
    assert [sspp_windows(14, levels) for levels in (1, 2, 3, 4)] == [
        (14,),
        (7, 14),
        (2, 7, 14),
        (1, 2, 7, 14),
    ]
    assert sspp_windows(16, 4) == (1, 2, 8, 16)


def test_drop_path_rises_over_the_encoder_and_is_absent_from_the_last_stage(full):
    rates = {
        layer.name.removesuffix("_drop_path"): layer.rate
        for layer in full.layers
        if isinstance(layer, DropPath)
    }
    encoder = [
        f"stage{s}_block{b}" for s, depth in enumerate((2, 2, 6)) for b in range(1, depth + 1)
    ]
    for index, block in enumerate(encoder):
        for part in ("attention", "mlp"):
            expected = pytest.approx(0.1 * index / 9) if index else 0.0
            assert rates.pop(f"{block}_{part}", 0.0) == expected
    assert {name.split("_")[0] for name in rates} == {"sspp1", "sspp2", "up1", "up2"}
    assert set(rates.values()) == {0.1}


def test_wiring(full):
    low, up = full.get_layer("join").input
    assert low is full.get_layer("low").output
    assert up is full.get_layer("up2_expand_norm").output
    # The low-level normalisation is a side branch: the next stage reads the raw map.
    assert full.get_layer("merge1_gather").input is full.get_layer("low").input
    high = full.get_layer("stage2_block6_mlp_add").output
    for level in (1, 2):
        assert full.get_layer(f"sspp{level}_block1_norm1").input is high
    small_windows, whole_map = full.get_layer("sspp_concat").input
    assert small_windows is full.get_layer("sspp1_block2_mlp_add").output
    assert whole_map is full.get_layer("sspp2_block1_mlp_add").output
    assert full.get_layer("mask_logits").bias is None


def test_gelu_and_normalisation(full):
    value = float(full.get_layer("stage0_block1_gelu")(np.array([1.0], "float32"))[0])
    assert value == pytest.approx(0.8413447, abs=1e-6)  # The tanh form: 0.8411920.
    norms = [x for x in full.layers if isinstance(x, keras.layers.LayerNormalization)]
    assert {layer.epsilon for layer in norms} == {1e-5}


def test_start_of_the_weights():
    model = build_segmenter("transdeeplab", image_size=64, width=48, depths=(1, 1, 1), last_depth=1)
    kernel, bias = model.get_layer("stage0_block1_fc1").get_weights()
    for values in (kernel, bias):
        assert 0.9 / np.sqrt(48) < np.abs(values).max() <= 1.0 / np.sqrt(48)
    (table,) = model.get_layer("sspp2_block1_attention").get_weights()
    assert table.shape == (49, 3)
    assert 0.015 < table.std() < 0.025


@pytest.mark.parametrize("size", [32, 96])
@pytest.mark.parametrize("levels", [1, 4])
def test_any_number_of_levels_on_any_multiple_of_32(size, levels):
    model = build_segmenter(
        "transdeeplab",
        image_size=size,
        num_classes=2,
        input_channels=1,
        sspp_levels=levels,
        **REDUCED["transdeeplab"],
    )
    image = np.random.default_rng(0).uniform(0, 255, (2, size, size, 1))
    logits = np.asarray(model({"image": image})["mask_logits"])
    assert logits.shape == (2, size, size, 2)
    assert np.all(np.isfinite(logits))


def test_other_numbers_of_levels_are_refused():
    with pytest.raises(ValueError, match="sspp_levels must be 1, 2, 3 or 4, got 5"):
        build_segmenter("transdeeplab", sspp_levels=5)
