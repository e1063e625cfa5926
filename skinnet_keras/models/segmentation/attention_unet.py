"""Attention U-Net (Oktay et al., MIDL 2018, arXiv:1804.03999).

U-Net with an attention gate on every skip connection, in the form of
LeeJunHyun/Image_Segmentation: the gates' signal is the up-sampled decoder map, where the paper
takes the coarser one and up-samples the coefficients. 34,878,573 trainable parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.segmentation.blocks.unet_blocks import (
    WIDTHS,
    double_convolution,
    u_shaped_network,
)


def attention_unet(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    widths: Sequence[int] = WIDTHS,
    name: str = "attention_unet",
) -> keras.Model:
    """Build Attention U-Net.

    Args:
        image_size: Side of the square input; a multiple of `2 ** (len(widths) - 1)`.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        widths: Channels of the encoder blocks, from the first to the deepest.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` cannot be halved once for each encoder block after the first.
    """
    return u_shaped_network(
        double_convolution,
        gated=True,
        image_size=image_size,
        num_classes=num_classes,
        input_channels=input_channels,
        widths=widths,
        name=name,
    )
