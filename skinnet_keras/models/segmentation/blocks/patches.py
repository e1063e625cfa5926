"""Patch merging and patch expanding: half or twice the map, from and to the channels.

Merging: Swin (arXiv:2103.14030). Expanding: Swin-Unet (arXiv:2105.05537).
"""

from __future__ import annotations

import keras
from keras import ops

from skinnet_keras.models.segmentation.blocks.expanding_decoder import DepthToSpace
from skinnet_keras.models.segmentation.blocks.projections import linear
from skinnet_keras.models.segmentation.blocks.swin import layer_norm


@keras.saving.register_keras_serializable("skinnet_keras")
class PatchGather(keras.layers.Layer):
    """Lay the four pixels of each 2x2 patch side by side in the channels.

    Order of the pixels as (row, column): (0, 0), (1, 0), (0, 1), (1, 1).

    Input: float (B, H, W, C), H and W even and static. Output: float (B, H/2, W/2, 4C).
    """

    def call(self, inputs):
        height, width, channels = inputs.shape[1:]
        x = ops.reshape(inputs, (-1, 2, width // 2, 2, channels))
        x = ops.transpose(x, (0, 2, 3, 1, 4))
        return ops.reshape(x, (-1, height // 2, width // 2, 4 * channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, height // 2, width // 2, 4 * channels


def patch_merging(x, name: str):
    """Halve a map: (B, H, W, C) to (B, H/2, W/2, 2C)."""
    width = x.shape[-1]
    x = layer_norm(PatchGather(name=f"{name}_gather")(x), f"{name}_norm")
    return linear(x, 2 * width, f"{name}_reduction", use_bias=False)


def patch_expanding(x, name: str):
    """Double a map: (B, H, W, C) to (B, 2H, 2W, C)."""
    x = linear(x, 4 * x.shape[-1], f"{name}_expand", use_bias=False)
    return layer_norm(DepthToSpace(2, name=f"{name}_shuffle")(x), f"{name}_expand_norm")
