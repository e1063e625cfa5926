"""TransUNet, R50-ViT-B/16 (Chen et al., arXiv:2102.04306; Medical Image Analysis 97, 2024).

A ResNet-50 of standardised convolutions and group normalisation cut after its third stage, a
Vision Transformer on its map, and a U-Net decoder with three skip connections from the ResNet.
105,275,921 trainable parameters at 224; the position embedding makes them depend on the size.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.layers import BATCH_NORM, image_normalization
from skinnet_keras.models.segmentation.blocks.align_corners import AlignCornersUpsampling
from skinnet_keras.models.segmentation.blocks.group_norm import GroupNorm2D
from skinnet_keras.models.segmentation.blocks.projections import convolution, pytorch_start
from skinnet_keras.models.segmentation.blocks.vit import PositionEmbedding, layer_norm, vit_block
from skinnet_keras.models.segmentation.blocks.weight_standardization import StandardizedConv2D

_layers = keras.layers
GROUPS = 32


def _standardized_conv(x, filters: int, kernel: int, stride: int, name: str):
    """Standardised convolution without bias, padded alike on both sides (unlike "same")."""
    if kernel > 1:
        x = _layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    start, _ = pytorch_start(kernel**2 * x.shape[-1])
    return StandardizedConv2D(
        filters, kernel, strides=stride, use_bias=False, kernel_initializer=start, name=name
    )(x)


def _relu(x, name: str):
    return _layers.Activation("relu", name=name)(x)


def _bottleneck(x, mid: int, stride: int, name: str):
    """Residual unit of 1x1, 3x3 and 1x1 convolutions, widening to four times `mid` channels."""
    y = _standardized_conv(x, mid, 1, 1, f"{name}_conv1")
    y = _relu(GroupNorm2D(GROUPS, 1e-6, name=f"{name}_gn1")(y), f"{name}_relu1")
    y = _standardized_conv(y, mid, 3, stride, f"{name}_conv2")
    y = _relu(GroupNorm2D(GROUPS, 1e-6, name=f"{name}_gn2")(y), f"{name}_relu2")
    y = _standardized_conv(y, 4 * mid, 1, 1, f"{name}_conv3")
    y = GroupNorm2D(GROUPS, 1e-6, name=f"{name}_gn3")(y)
    if stride != 1 or x.shape[-1] != 4 * mid:
        x = _standardized_conv(x, 4 * mid, 1, stride, f"{name}_shortcut")
        x = GroupNorm2D(4 * mid, 1e-5, name=f"{name}_shortcut_gn")(x)
    return _relu(_layers.Add(name=f"{name}_add")([x, y]), f"{name}_relu3")


def _resnet(x, width: int, units: Sequence[int]):
    """The convolutional encoder: (B, S, S, C) to (B, S/16, S/16, 16 width) and the skips.

    Returns:
        The map, and the skips A (S/8), B (S/4), C (S/2), from the deepest to the finest.
    """
    size = x.shape[1]
    x = _standardized_conv(x, width, 7, 2, "root_conv")
    x = _relu(GroupNorm2D(GROUPS, 1e-6, name="root_gn")(x), "root_relu")
    skips = [x]
    x = _layers.MaxPooling2D(3, strides=2, name="pool")(x)
    for block, count in enumerate(units, start=1):
        for unit in range(1, count + 1):
            stride = 2 if block > 1 and unit == 1 else 1
            x = _bottleneck(x, width * 2 ** (block - 1), stride, f"block{block}_unit{unit}")
        if block == 1:
            # The unpadded pooling leaves S/4 - 1: only the skip is filled up, at bottom and right.
            missing = size // 4 - x.shape[1]
            padding = ((0, missing), (0, missing))
            skips.append(_layers.ZeroPadding2D(padding, name="block1_skip")(x))
        elif block < len(units):
            skips.append(x)
    return x, skips[::-1]


def _conv_bn_relu(x, filters: int, name: str):
    """3x3 convolution without bias, batch normalisation, ReLU."""
    x = convolution(x, filters, 3, f"{name}_conv", padding="same", use_bias=False)
    x = _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)
    return _relu(x, f"{name}_relu")


def transunet(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    width: int = 64,
    units: Sequence[int] = (3, 4, 9),
    hidden_size: int = 768,
    depth: int = 12,
    num_heads: int = 12,
    mlp_dim: int = 3072,
    decoder_widths: Sequence[int] = (512, 256, 128, 64, 16),
    dropout: float = 0.1,
    name: str = "transunet",
) -> keras.Model:
    """Build TransUNet.

    Args:
        image_size: Side of the square input; a multiple of 16.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        width: Channels of the ResNet's root, a multiple of 32 (the groups of its normalisation).
        units: Bottlenecks in each of the three blocks of the ResNet.
        hidden_size: Channels of the tokens; `num_heads` divides it.
        depth: Transformer blocks.
        num_heads: Heads of the attention.
        mlp_dim: Hidden units of the transformer's perceptrons.
        decoder_widths: Channels of the decoder, from the tokens' map (up0) to up4.
        dropout: Rate after the embedding and in the perceptrons.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` is not a multiple of 16.
    """
    if image_size % 16:
        raise ValueError(f"transunet: image_size must be a multiple of 16, got {image_size}.")
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x, skips = _resnet(image_normalization(input_channels)(image), width, units)
    grid = image_size // 16
    x = convolution(x, hidden_size, 1, "embed")
    x = _layers.Reshape((grid * grid, hidden_size), name="embed_tokens")(x)
    x = PositionEmbedding(name="embed_position")(x)
    x = _layers.Dropout(dropout, name="embed_dropout")(x)
    for block in range(1, depth + 1):
        x = vit_block(
            x, num_heads=num_heads, mlp_dim=mlp_dim, dropout=dropout, name=f"vit_block{block}"
        )
    x = layer_norm(x, "vit_norm")
    x = _layers.Reshape((grid, grid, hidden_size), name="vit_map")(x)
    x = _conv_bn_relu(x, decoder_widths[0], "up0")
    for level, filters in enumerate(decoder_widths[1:], start=1):
        x = AlignCornersUpsampling(2, name=f"up{level}_x2")(x)
        if level <= len(skips):
            x = _layers.Concatenate(name=f"up{level}_concat")([x, skips[level - 1]])
        x = _conv_bn_relu(x, filters, f"up{level}_unit1")
        x = _conv_bn_relu(x, filters, f"up{level}_unit2")
    logits = convolution(x, num_classes, 3, "mask_logits", padding="same", dtype="float32")
    return keras.Model({"image": image}, {"mask_logits": logits}, name=name)
