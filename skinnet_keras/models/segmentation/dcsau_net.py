"""DCSAU-Net (Xu et al., Computers in Biology and Medicine 154, 2023, arXiv:2202.00972).

A U-Net whose first layer is primary feature conservation (PFC: a large kernel, then depth-wise
and point-wise convolutions) and whose blocks are compact split attention (CSA): ResNet
bottlenecks around a split attention with its two halves in cascade. 2,598,785 trainable
parameters. The dropout that the authors make and never apply is left out, and models do not share
weights as theirs do within one process.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import keras

from skinnet_keras.models.layers import BATCH_NORM, SplitAttentionSum, image_normalization
from skinnet_keras.models.segmentation.blocks.align_corners import AlignCornersUpsampling
from skinnet_keras.models.segmentation.blocks.grouped_convolution import GroupedConv2D
from skinnet_keras.models.segmentation.blocks.projections import (
    convolution,
    depthwise_convolution,
    linear,
    pytorch_start,
)
from skinnet_keras.models.segmentation.blocks.spatial_mean import SpatialMean
from skinnet_keras.models.segmentation.blocks.splitting import Split

_layers = keras.layers


def _normal(fan_out: int) -> keras.Initializer:
    return keras.initializers.RandomNormal(stddev=sqrt(2.0 / fan_out))


def _batch_norm(x, name: str):
    return _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)


def _relu(x, name: str):
    return _layers.Activation("relu", name=f"{name}_relu")(x)


def _bn_relu(x, name: str):
    return _relu(_batch_norm(x, name), name)


def primary_feature_conservation(x, width: int, kernel: int, name: str):
    """PFC: three convolutions (full, depth-wise, 1x1), each with ReLU and then normalisation.

    Args:
        x: Image (B, H, W, C).
        width: Channels of the output.
        kernel: Size of the first two convolutions' kernels.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, W, width).
    """
    x = convolution(x, width, kernel, f"{name}_conv", padding="same")
    residual = _batch_norm(_relu(x, f"{name}_conv"), f"{name}_conv")
    x = depthwise_convolution(kernel, f"{name}_depthwise")(residual)
    x = _batch_norm(_relu(x, f"{name}_depthwise"), f"{name}_depthwise")
    x = _layers.Add(name=f"{name}_add")([x, residual])
    x = convolution(x, width, 1, f"{name}_pointwise")
    return _batch_norm(_relu(x, f"{name}_pointwise"), f"{name}_pointwise")


def _pointwise(x, filters: int, name: str):
    """1x1 convolution without bias, batch normalisation."""
    x = _layers.Conv2D(
        filters, 1, use_bias=False, kernel_initializer=_normal(filters), name=f"{name}_conv"
    )(x)
    return _batch_norm(x, name)


def _grouped(x, filters: int, name: str):
    """3x3 convolution in two groups without bias, batch normalisation, ReLU."""
    x = GroupedConv2D(
        filters, 3, groups=2, kernel_initializer=_normal(9 * filters), name=f"{name}_conv"
    )(x)
    return _bn_relu(x, name)


def _attention_linear(x, units: int, name: str):
    def start(fan_in: int) -> tuple[keras.Initializer, keras.Initializer]:
        return _normal(units), pytorch_start(fan_in)[1]

    return linear(x, units, name, start=start)


def compact_split_attention(x, name: str):
    """CSA: two halves of the features in cascade, weighed against each other channel by channel.

    Args:
        x: Feature map (B, H, W, C), C a multiple of 2.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, W, C).
    """
    width = x.shape[-1]
    x = _grouped(x, 2 * width, f"{name}_halves")
    first, second = Split([width, width], name=f"{name}_split")(x)
    second = _layers.Add(name=f"{name}_cascade")([first, second])
    second = _grouped(second, width, f"{name}_second")
    gate = _layers.Add(name=f"{name}_sum")([first, second])
    gate = SpatialMean(name=f"{name}_squeeze")(gate)
    gate = _attention_linear(gate, max(width // 2, 32), f"{name}_fc1")
    gate = _bn_relu(gate, f"{name}_fc1")
    gate = _attention_linear(gate, 2 * width, f"{name}_fc2")
    return SplitAttentionSum(name=name)([first, second, gate])


def csa_bottleneck(x, width: int, name: str, *, average: bool):
    """Residual bottleneck around compact split attention.

    Args:
        x: Feature map (B, H, W, C).
        width: Channels inside; the output has four times as many.
        name: Prefix of the layers' names.
        average: Whether a 3x3 mean (zeros beyond the border counted) follows the attention.

    Returns:
        Feature map (B, H, W, 4 * width).
    """
    y = _relu(_pointwise(x, width, f"{name}_reduce"), f"{name}_reduce")
    y = compact_split_attention(y, f"{name}_csa")
    if average:
        y = _layers.ZeroPadding2D(1, name=f"{name}_pad")(y)
        y = _layers.AveragePooling2D(3, strides=1, name=f"{name}_average")(y)
    y = _pointwise(y, 4 * width, f"{name}_expand")
    if x.shape[-1] != 4 * width:
        x = _pointwise(x, 4 * width, f"{name}_shortcut")
    return _relu(_layers.Add(name=f"{name}_add")([y, x]), name)


def _two_bottlenecks(x, width: int, name: str, *, average: bool):
    x = csa_bottleneck(x, width, f"{name}_block1", average=average)
    return csa_bottleneck(x, width, f"{name}_block2", average=False)


def dcsau_net(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    stem_width: int = 64,
    encoder_widths: Sequence[int] = (32, 64, 128, 128),
    decoder_widths: Sequence[int] = (64, 32, 16, 16),
    kernel: int = 7,
    name: str = "dcsau_net",
) -> keras.Model:
    """Build DCSAU-Net.

    Args:
        image_size: Side of the square input; a multiple of `2 ** len(encoder_widths)`.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        stem_width: Channels of the first layer (PFC).
        encoder_widths: Channels inside the bottlenecks of down1, down2, ..., even numbers; the
            maps between the blocks have four times as many.
        decoder_widths: The same for up1, up2, ..., as many.
        kernel: Size of the kernels of the first layer, an odd number.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` cannot be halved once for each encoder block, or the numbers of
            encoder and decoder blocks differ.
    """
    depth = len(encoder_widths)
    if image_size % 2**depth:
        raise ValueError(
            f"dcsau_net: image_size must be a multiple of {2**depth}, got {image_size}."
        )
    if len(decoder_widths) != depth:
        raise ValueError(
            f"dcsau_net: {depth} encoder widths need as many decoder widths, "
            f"got {len(decoder_widths)}."
        )
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)
    x = primary_feature_conservation(x, stem_width, kernel, "pfc")
    skips = []
    for level, width in enumerate(encoder_widths, start=1):
        skips.append(x)
        x = _layers.MaxPooling2D(2, name=f"down{level}_pool")(x)
        x = _two_bottlenecks(x, width, f"down{level}", average=level > 1)
    for level, (width, skip) in enumerate(zip(decoder_widths, skips[::-1], strict=True), start=1):
        x = AlignCornersUpsampling(2, name=f"up{level}_x2")(x)
        x = _layers.Concatenate(name=f"up{level}_concat")([skip, x])
        x = _two_bottlenecks(x, width, f"up{level}", average=level < depth)
    logits = convolution(x, num_classes, 1, "mask_logits", dtype="float32")
    return keras.Model({"image": image}, {"mask_logits": logits}, name=name)
