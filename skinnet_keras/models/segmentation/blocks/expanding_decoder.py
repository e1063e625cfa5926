"""Decoder of MISSFormer and TransCeption: patch expanding in place of up-sampling."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import keras
from keras import ops

from skinnet_keras.models.segmentation.blocks.mix_transformer import layer_norm
from skinnet_keras.models.segmentation.blocks.projections import linear, xavier_start

_layers = keras.layers


@keras.saving.register_keras_serializable("skinnet_keras")
class DepthToSpace(keras.layers.Layer):
    """Spread the channels of a pixel over a block of pixels.

    The channels are read as (row in the block, column in the block, channel).

    Args:
        block_size: Side of the block of pixels.

    Input: (B, H, W, block_size² * C). Output: (B, block_size * H, block_size * W, C).
    """

    def __init__(self, block_size: int = 2, **kwargs):
        super().__init__(**kwargs)
        self.block_size = int(block_size)

    def call(self, inputs):
        return ops.depth_to_space(inputs, self.block_size, data_format="channels_last")

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        block = self.block_size
        return batch, height * block, width * block, channels // block**2

    def get_config(self):
        return {**super().get_config(), "block_size": self.block_size}


def _patch_expanding(x, factor: int, width: int, name: str):
    """(B, H, W, C) to (B, factor * H, factor * W, width): linear, pixel shuffle, LayerNorm."""
    x = linear(x, factor**2 * width, f"{name}_expand", start=xavier_start, use_bias=False)
    x = DepthToSpace(factor, name=f"{name}_shuffle")(x)
    return layer_norm(x, f"{name}_norm")


def expanding_decoder(
    maps: Sequence, num_classes: int, block: Callable[..., Any], *, depth: int = 2
):
    """Decode the maps of four scales to mask logits, the deepest first (d3, d2, d1, d0).

    d3 only expands; the others join the skip map (up-sampled first), narrow to its width, run
    their transformer blocks and expand: twice the side, for d0 four times.

    Args:
        maps: Four feature maps (B, S, S, C), the largest first, the side of each half of that of
            the one before; even widths.
        num_classes: Channels of the logits.
        block: Called as `block(x, level, name=...)`, level 2, 1, 0.
        depth: Transformer blocks of a level.

    Returns:
        Mask logits, float32 (B, 4S, 4S, num_classes), S the side of the largest map.
    """
    x = _patch_expanding(maps[3], 2, maps[3].shape[-1] // 2, "d3")
    for level in (2, 1, 0):
        name, skip = f"d{level}", maps[level]
        width = skip.shape[-1]
        x = _layers.Concatenate(name=f"{name}_concat")([x, skip])
        x = linear(x, width, f"{name}_linear", start=xavier_start)
        for index in range(1, depth + 1):
            x = block(x, level, name=f"{name}_block{index}")
        if level:
            x = _patch_expanding(x, 2, width // 2, name)
        else:
            x = _patch_expanding(x, 4, width, name)
    return _layers.Conv2D(
        num_classes, 1, kernel_initializer="glorot_uniform", dtype="float32", name="mask_logits"
    )(x)
