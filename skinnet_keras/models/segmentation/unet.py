"""U-Net (Ronneberger, Fischer, Brox, MICCAI 2015, arXiv:1505.04597).

The padded form with batch normalisation that skin-lesion papers compare with
(LeeJunHyun/Image_Segmentation): 3x3 convolutions that keep the size, nearest up-sampling and a
3x3 convolution in place of the transposed one, no dropout. 34,527,041 trainable parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.segmentation.blocks.unet_blocks import (
    WIDTHS,
    double_convolution,
    u_shaped_network,
)


def unet(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    widths: Sequence[int] = WIDTHS,
    name: str = "unet",
) -> keras.Model:
    """Build U-Net.

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
        gated=False,
        image_size=image_size,
        num_classes=num_classes,
        input_channels=input_channels,
        widths=widths,
        name=name,
    )
