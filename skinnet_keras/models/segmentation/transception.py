"""TransCeption (Azad et al., arXiv:2301.10847).

Stage 1 is a convolutional patch embedding and efficient attention; stages 2 to 4 merge patches at
three receptive fields, run a transformer path on each and fuse the paths. A bridge over all
scales (its first layer with channel attention, the others with spatially reduced attention) and
a decoder of efficient-attention blocks follow. The original also builds weights that no output
depends on (two of three LayerNorms of every FFN, four 1x1 convolutions and a position encoding of
the encoder, the key reduction of the first bridge layer, the linear map and blocks of d3): they
are left out here, which leaves its 38,141,249 live of 47,316,033 trainable parameters.

The original takes 224 pixels only; no weight depends on the size, so here the token counts follow
from the image.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.layers import image_normalization
from skinnet_keras.models.segmentation.blocks.context_bridge import context_bridge
from skinnet_keras.models.segmentation.blocks.expanding_decoder import expanding_decoder
from skinnet_keras.models.segmentation.blocks.inception_stage import inception_stage
from skinnet_keras.models.segmentation.blocks.mix_transformer import (
    efficient_attention_block,
    layer_norm,
    patch_embedding,
)
from skinnet_keras.models.segmentation.blocks.projections import xavier_start


def transception(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    widths: Sequence[int] = (64, 128, 320, 512),
    depths: Sequence[int] = (2, 3, 8, 3),
    decoder_depth: int = 2,
    bridge_depth: int = 4,
    name: str = "transception",
) -> keras.Model:
    """Build TransCeption.

    Args:
        image_size: Side of the square input; a multiple of 32.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        widths: Channels of the four encoder stages, multiples of the first one, which is a
            multiple of 8 (the heads).
        depths: Transformer blocks of the four encoder stages (from stage 2 on: of each path).
        decoder_depth: Transformer blocks of a decoder level.
        bridge_depth: Layers of the context bridge.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` is no multiple of 32.
    """
    if image_size % 32:
        raise ValueError(f"transception: image_size must be a multiple of 32, got {image_size}.")
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)

    x = patch_embedding(x, widths[0], 7, 4, "e1_embed")
    for index in range(1, depths[0] + 1):
        x = efficient_attention_block(x, f"e1_block{index}")
    x = layer_norm(x, "e1_norm")
    maps = [x]
    for level, (width, depth) in enumerate(zip(widths[1:], depths[1:], strict=True), start=2):
        x = inception_stage(x, width, depth, f"e{level}")
        maps.append(x)

    maps = context_bridge(maps, bridge_depth, channel_attention=(1,))

    def decoder_block(x, level: int, name: str):
        return efficient_attention_block(x, name, start=xavier_start)

    logits = expanding_decoder(maps, num_classes, decoder_block, depth=decoder_depth)
    return keras.Model({"image": image}, {"mask_logits": logits}, name=name)
