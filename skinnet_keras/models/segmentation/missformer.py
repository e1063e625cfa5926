"""MISSFormer (Huang et al., IEEE TMI 42(5), 2023, arXiv:2109.07162).

A Mix Transformer encoder with Enhanced Mix-FFN, a transformer bridge over all scales and a
decoder of the same blocks. The original also builds weights that no output depends on (two of
three LayerNorms of every FFN, the linear map and blocks of d3): they are left out here, which
leaves its 35,452,225 live of 42,462,017 trainable parameters.

The original takes 224 pixels only; no weight depends on the size, so here the token counts follow
from the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.layers import image_normalization
from skinnet_keras.models.segmentation.blocks.context_bridge import context_bridge
from skinnet_keras.models.segmentation.blocks.expanding_decoder import expanding_decoder
from skinnet_keras.models.segmentation.blocks.mix_transformer import (
    layer_norm,
    patch_embedding,
    spatial_reduction_block,
)
from skinnet_keras.models.segmentation.blocks.projections import xavier_start

_REDUCTIONS = (8, 4, 2, 1)


def missformer(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    widths: Sequence[int] = (64, 128, 320, 512),
    heads: Sequence[int] = (1, 2, 5, 8),
    depth: int = 2,
    bridge_depth: int = 4,
    name: str = "missformer",
) -> keras.Model:
    """Build MISSFormer.

    Args:
        image_size: Side of the square input; a multiple of 32.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        widths: Channels of the four encoder stages, multiples of the first one and of the heads.
        heads: Attention heads of the four stages.
        depth: Transformer blocks of a stage, in the encoder and in the decoder.
        bridge_depth: Layers of the context bridge.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` is no multiple of 32.
    """
    if image_size % 32:
        raise ValueError(f"missformer: image_size must be a multiple of 32, got {image_size}.")
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)

    maps = []
    for level, width in enumerate(widths):
        stage = f"e{level + 1}"
        kernel_size, stride = (3, 2) if level else (7, 4)
        x = patch_embedding(x, width, kernel_size, stride, f"{stage}_embed")
        for index in range(1, depth + 1):
            x = spatial_reduction_block(
                x, heads[level], _REDUCTIONS[level], f"{stage}_block{index}"
            )
        x = layer_norm(x, f"{stage}_norm")
        maps.append(x)

    maps = context_bridge(maps, bridge_depth)

    def decoder_block(x, level: int, name: str):
        return spatial_reduction_block(
            x, heads[level], _REDUCTIONS[level], name, start=xavier_start
        )

    logits = expanding_decoder(maps, num_classes, decoder_block, depth=depth)
    return keras.Model({"image": image}, {"mask_logits": logits}, name=name)
