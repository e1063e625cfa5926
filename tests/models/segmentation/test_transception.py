"""TransCeption against the reference's table, and what could silently be wrong in it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable

# Two of the three layer normalisations of an original's FFN are never used.
UNUSED = {width: 2 * 2 * 4 * width for width in (64, 128, 320, 512)}


@pytest.fixture(scope="module")
def full():
    return build_shapes("transception")


def test_blocks_have_the_live_parameters_of_the_original(full):
    assert trainable(full, "e1_embed") == 9_600
    merging = {"e2": 14_400, "e3": 53_376, "e4": 317_760}
    assert {stage: trainable(full, f"{stage}_merge") for stage in merging} == merging
    stages = {
        "e2": 549_488 - 3 * 3 * UNUSED[64],
        "e3": 5_220_000 - 3 * 8 * UNUSED[128],
        "e4": 12_495_792 - 3 * 3 * UNUSED[320],
    }
    assert {s: trainable(full, s) - trainable(full, f"{s}_merge") for s in stages} == stages
    bridge = 4_102_272 - sum(UNUSED.values())
    for layer in ("bridge2", "bridge3", "bridge4"):
        assert trainable(full, layer) == bridge
    assert trainable(full, "bridge1") == bridge - 934_528  # its key reduction is never used
    decoder = 10_981_505 - 6_895_104 - 2 * (UNUSED[320] + UNUSED[128] + UNUSED[64])
    assert trainable(full, "d", "mask_logits") == decoder


def test_encoder_has_what_the_original_s_uses(full):
    # Four 1x1 convolutions from 3c to c and a position encoding of 64 channels are never used.
    unused = sum(3 * c * c + c for c in (64, 128, 320, 512)) + 10 * 64
    norms = 2 * UNUSED[64] + 9 * UNUSED[64] + 24 * UNUSED[128] + 9 * UNUSED[320]
    assert trainable(full, "e") == 19_925_440 - unused - norms


def test_bn_statistics_are_those_of_the_original(full):
    moving = sum(np.prod(weight.shape) for weight in full.non_trainable_weights)
    assert moving == 6_400


def test_token_grids_at_224(full):
    names = ("e1_norm", "e2_fusion_project", "e3_fusion_project", "e4_fusion_project")
    grids = [full.get_layer(name).output.shape[1:] for name in names]
    assert grids == [(56, 56, 64), (28, 28, 128), (14, 14, 320), (7, 7, 512)]
    assert full.get_layer("bridge_tokens").output.shape[1:] == (6076, 64)


def test_only_the_first_bridge_layer_has_channel_attention(full):
    names = {layer.name for layer in full.layers}
    channel = [i for i in range(1, 5) if f"bridge{i}_attention_q_softmax" in names]
    spatial = [i for i in range(1, 5) if f"bridge{i}_attention_reduced" in names]
    assert (channel, spatial) == ([1], [2, 3, 4])


def test_epsilons_are_those_of_the_original(full):
    norms = {
        layer.name: layer.epsilon
        for layer in full.layers
        if isinstance(layer, keras.layers.LayerNormalization)
    }
    small = {name for name, epsilon in norms.items() if epsilon == 1e-6}
    assert small == {name for name in norms if "_path" in name and "_ffn_" not in name}
    assert {norms[name] for name in norms.keys() - small} == {1e-5}
