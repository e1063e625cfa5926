"""Attention R2U-Net: the blocks of R2U-Net with the gates of Attention U-Net.

A combination of arXiv:1802.06955 and arXiv:1804.03999 that LeeJunHyun/Image_Segmentation
introduced; it has no paper of its own. 39,442,925 trainable parameters whatever the number of
recurrent steps.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import keras

from skinnet_keras.models.segmentation.blocks.unet_blocks import (
    WIDTHS,
    recurrent_residual_block,
    u_shaped_network,
)


def attention_r2_unet(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    widths: Sequence[int] = WIDTHS,
    t: int = 2,
    name: str = "attention_r2_unet",
) -> keras.Model:
    """Build Attention R2U-Net.

    Args:
        image_size: Side of the square input; a multiple of `2 ** (len(widths) - 1)`.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        widths: Channels of the encoder blocks, from the first to the deepest.
        t: Recurrent steps; every recurrent convolution runs t + 1 times with the same weights.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` cannot be halved once for each encoder block after the first.
    """
    return u_shaped_network(
        partial(recurrent_residual_block, t=t),
        gated=True,
        image_size=image_size,
        num_classes=num_classes,
        input_channels=input_channels,
        widths=widths,
        name=name,
    )
