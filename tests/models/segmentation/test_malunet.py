"""MALUNet against the reference's table, and what could silently be wrong in it."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable
from reduced_segmenters import REDUCED
from segmenter_parity import images, lively
from skinnet_keras.models import build_segmenter

BLOCKS = {
    "e1_": 224 + 16,
    "e2_": 1_168 + 32,
    "e3_": 3_480 + 48,
    "e4_": 10_768 + 64,
    "e5_": 18_720 + 96,
    "e6_": 39_584,
    "bridge_": 16_614,
    "d1_": 46_000 + 96,
    "d2_": 23_600 + 64,
    "d3_": 12_632 + 48,
    "d4_": 3_472 + 32,
    "d5_": 1_160 + 16,
    "out_": 9,
}


@pytest.fixture(scope="module")
def full():
    return build_shapes("malunet")


@pytest.fixture(scope="module")
def small():
    return lively("malunet", image_size=64, **REDUCED["malunet"])


def test_parameters_of_the_reference(full):
    assert {block: trainable(full, block) for block in BLOCKS} == BLOCKS
    assert trainable(full) == 177_943


def test_sizes_of_the_maps(full):
    sizes = {
        "e1_gelu": (112, 8),
        "e2_gelu": (56, 16),
        "e3_gelu": (28, 24),
        "e4_gelu": (14, 32),
        "e5_gelu": (7, 48),
        "e6_gelu": (7, 64),
        "d1_skip": (7, 48),
        "d2_skip": (14, 32),
        "d3_skip": (28, 24),
        "d4_skip": (56, 16),
        "d5_skip": (112, 8),
        "mask_logits": (224, 1),
    }
    assert {name: full.get_layer(name).output.shape[2:] for name in sizes} == sizes


def test_quarters_have_dilations_7_5_2_1(full):
    for block in ("e4", "e5", "e6", "d1", "d2", "d3"):
        rates = [full.get_layer(f"{block}_dga_dilated{i}").dilation_rate for i in (1, 2, 3, 4)]
        assert rates == [(7, 7), (5, 5), (2, 2), (1, 1)]


def test_deepest_level_sees_the_skips_before_the_bridge(full):
    assert full.get_layer("e6_iea_conv1").input is full.get_layer("e5_gelu").output
    assert full.get_layer("d1_skip").input[1] is full.get_layer("bridge_out5").output
    assert full.get_layer("d5_skip").input[1] is full.get_layer("bridge_out1").output


def test_pooling_and_upsampling_lie_between_norm_and_gelu(full):
    assert full.get_layer("e2_pool").input is full.get_layer("e2_gn").output
    assert full.get_layer("e2_gelu").input is full.get_layer("e2_pool").output
    assert full.get_layer("d4_up").input is full.get_layer("d4_gn").output
    assert full.get_layer("d4_gelu").input is full.get_layer("d4_up").output


def test_one_spatial_gate_serves_all_five_skips(full):
    gate = full.get_layer("bridge_spatial")
    assert len(gate._inbound_nodes) == 5
    assert (gate.kernel_size, gate.dilation_rate) == ((7, 7), (3, 3))
    first, second = full.get_layer("bridge_pooled3").input
    assert first is full.get_layer("bridge_mean3").output
    assert second is full.get_layer("bridge_max3").output


def test_bridge_by_hand(small):
    """One skip through both gates, from the layers' own weights, in NumPy."""
    image = images(small)
    names = [f"e{i}_gelu" for i in range(1, 6)] + ["bridge_spatial1", "bridge_out3"]
    probe = keras.Model(small.inputs, [small.get_layer(name).output for name in names])
    *skips, _, out = (np.asarray(y, "float64") for y in probe({"image": image}))

    kernel, bias = (np.asarray(w, "float64") for w in small.get_layer("bridge_spatial").weights)

    def spatial(t):
        pooled = np.stack([t.mean(-1), t.max(-1)], axis=-1)
        pooled = np.pad(pooled, ((0, 0), (9, 9), (9, 9), (0, 0)))
        height, width = t.shape[1:3]
        total = sum(
            pooled[:, 3 * i : 3 * i + height, 3 * j : 3 * j + width] @ kernel[i, j]
            for i in range(7)
            for j in range(7)
        )
        return t / (1 + np.exp(-(total + bias)))

    gated = [spatial(t) for t in skips]
    means = np.concatenate(
        [(a + t).mean((1, 2)) for a, t in zip(gated, skips, strict=True)], axis=-1
    )
    mix = np.ravel(small.get_layer("bridge_mix").weights[0])
    padded = np.pad(means, ((0, 0), (1, 1)))
    vector = sum(mix[k] * padded[:, k : k + means.shape[1]] for k in range(3))
    dense, offset = (np.asarray(w) for w in small.get_layer("bridge_channel3").weights)
    gate = 1 / (1 + np.exp(-(vector @ dense + offset)))
    expected = gate[:, None, None] * (gated[2] + skips[2]) + gated[2]
    np.testing.assert_allclose(out, expected, atol=1e-5)


def test_gelu_is_the_exact_one():
    x = 1.7
    exact = 0.5 * x * (1 + math.erf(x / math.sqrt(2)))
    model = build_segmenter("malunet", image_size=32, **REDUCED["malunet"])
    layer = model.get_layer("e6_gelu")
    assert float(layer(np.full((1, 1), x, "float32"))[0, 0]) == pytest.approx(exact, abs=1e-6)


def test_impossible_widths_are_refused():
    with pytest.raises(ValueError, match=r"^malunet: widths must be six multiples of 4"):
        build_segmenter("malunet", image_size=64, widths=(4, 6, 8, 8, 12, 16))
