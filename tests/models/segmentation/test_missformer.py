"""MISSFormer against the reference's table, and what could silently be wrong in it."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from parameter_counts import build_shapes, trainable
from reduced_segmenters import REDUCED
from skinnet_keras.models import build_segmenter

# Two of the three layer normalisations of an original's FFN are never used.
UNUSED = {width: 2 * 2 * 4 * width for width in (64, 128, 320, 512)}


@pytest.fixture(scope="module")
def full():
    return build_shapes("missformer")


def test_blocks_have_the_live_parameters_of_the_original(full):
    assert trainable(full, "e") == 13_200_576 - 2 * sum(UNUSED.values())
    assert trainable(full, "bridge") == 16_409_088 - 4 * sum(UNUSED.values())
    used = 12_852_353 - 6_895_104
    assert trainable(full, "d", "mask_logits") == used - 2 * (
        UNUSED[320] + UNUSED[128] + UNUSED[64]
    )


def test_blocks_by_hand(full):
    # 7x7 convolution and norm; q, reduction 8x8 with norm, kv, projection; FFN 64-256-64; norms.
    embed = 49 * 3 * 64 + 64 + 2 * 64
    linear = 64 * 64 + 64
    attention = 2 * linear + 64 * 64 * 64 + 64 + 2 * 64 + 2 * linear
    ffn = 64 * 256 + 256 + 9 * 256 + 256 + 2 * 256 + 256 * 64 + 64
    assert trainable(full, "e1_embed") == embed
    assert trainable(full, "e1_block1_attention") == attention
    assert trainable(full, "e1_block1_ffn") == ffn
    assert trainable(full, "e1") == embed + 2 * (attention + ffn + 4 * 64) + 2 * 64
    # No reduction of the deepest map, and of the deepest level of the decoder only the expansion.
    assert trainable(full, "e4_block1_attention") == 4 * (512 * 512 + 512)
    assert trainable(full, "d3") == 512 * 1024 + 2 * 256
    assert trainable(full, "d2_linear") == 576 * 320 + 320


def test_token_grids_at_224(full):
    grids = [full.get_layer(f"e{level}_norm").output.shape[1:] for level in (1, 2, 3, 4)]
    assert grids == [(56, 56, 64), (28, 28, 128), (14, 14, 320), (7, 7, 512)]
    assert full.get_layer("bridge_tokens").output.shape[1:] == (6076, 64)
    assert full.get_layer("bridge1_attention_reduced").output.shape[1:] == (784, 64)


def test_every_stage_has_the_reductions_and_heads_of_the_original(full):
    for levels in (("e1", "e2", "e3", "e4"), ("d0", "d1", "d2")):
        for level, heads, side in zip(levels, (1, 2, 5, 8), (8, 4, 2, 1), strict=False):
            attention = full.get_layer(f"{level}_block2_attention")
            assert attention.num_heads == heads
            queries, keys_values = (tensor.shape for tensor in attention.input)
            assert queries[1] == side * keys_values[1]


def test_norms_have_pytorch_s_epsilon(full):
    norms = [layer for layer in full.layers if isinstance(layer, keras.layers.LayerNormalization)]
    assert {layer.epsilon for layer in norms} == {1e-5}


def test_encoder_starts_as_in_pytorch_and_decoder_by_xavier():
    model = build_segmenter("missformer", image_size=32, **REDUCED["missformer"])
    kernel, bias = model.get_layer("e4_block1_ffn_linear1").get_weights()
    assert 0.95 / 8 < np.abs(kernel).max() <= 1 / 8  # fan-in 64
    assert 0.9 / 8 < np.abs(bias).max() <= 1 / 8
    depthwise = model.get_layer("e4_block1_ffn_depthwise").get_weights()[0]
    assert 0.95 / 3 < np.abs(depthwise).max() <= 1 / 3  # fan-in 9
    kernel, bias = model.get_layer("d2_block1_ffn_linear1").get_weights()
    bound = np.sqrt(6 / (40 + 160))
    assert 0.95 * bound < np.abs(kernel).max() <= bound
    assert not bias.any()
