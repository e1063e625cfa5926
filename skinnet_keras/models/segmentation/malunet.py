"""MALUNet (Ruan et al., IEEE BIBM 2022, arXiv:2211.01784).

A U-Net of six levels with additive skips: dilated gated attention (DGA) and inverted external
attention (IEA) in the deep levels, a bridge that gates all skips together. 177,943 trainable
parameters.

As in the authors' network the two matrices of an external attention start as transposes of each
other; they are two weights here (there they share memory on the CPU and part on the GPU). The
authors' output is the sigmoid of ours, and they stretch every image to its own minimum and
maximum, where ours gets the normalisation of all our networks.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import keras

from skinnet_keras.models.layers import image_normalization
from skinnet_keras.models.segmentation.blocks.align_corners import AlignCornersUpsampling
from skinnet_keras.models.segmentation.blocks.channel_pooling import ChannelMax, ChannelMean
from skinnet_keras.models.segmentation.blocks.external_attention import ExternalAttention
from skinnet_keras.models.segmentation.blocks.group_norm import GroupNorm2D
from skinnet_keras.models.segmentation.blocks.spatial_mean import SpatialMean
from skinnet_keras.models.segmentation.blocks.splitting import Split

_layers = keras.layers

DILATIONS = (7, 5, 2, 1)
"""Dilations of the depth-wise convolutions on the four quarters of the channels."""


def _normal(fan_out: int) -> keras.Initializer:
    return keras.initializers.RandomNormal(stddev=sqrt(2.0 / fan_out))


def _convolution(x, filters: int, kernel: int, name: str, **arguments):
    return _layers.Conv2D(
        filters,
        kernel,
        padding="same",
        kernel_initializer=_normal(kernel**2 * filters),
        name=name,
        **arguments,
    )(x)


def _depthwise(x, kernel: int, name: str, dilation: int = 1):
    return _layers.DepthwiseConv2D(
        kernel,
        padding="same",
        dilation_rate=dilation,
        depthwise_initializer=_normal(kernel**2),
        name=name,
    )(x)


def _group_norm(x, name: str):
    return GroupNorm2D(4, name=name)(x)


def _gelu(x, name: str):
    return _layers.Activation("gelu", name=name)(x)  # Keras's default is the exact one


def _separable(x, filters: int, kernel: int, name: str):
    """Depth-wise convolution, group normalisation, 1x1 convolution."""
    x = _depthwise(x, kernel, f"{name}_depthwise")
    x = _group_norm(x, f"{name}_gn")
    return _convolution(x, filters, 1, f"{name}_pointwise")


def dilated_gated_attention(x, filters: int, name: str):
    """DGA: depth-wise convolutions of four dilations, then a gated unit.

    Args:
        x: Feature map (B, H, W, C), C a multiple of 4.
        filters: Channels of the output.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, W, filters).
    """
    width = x.shape[-1]
    quarters = Split([width // 4] * 4, name=f"{name}_split")(x)
    quarters = [
        _depthwise(quarter, 3, f"{name}_dilated{i}", dilation)
        for i, (quarter, dilation) in enumerate(zip(quarters, DILATIONS, strict=True), start=1)
    ]
    y = _layers.Concatenate(name=f"{name}_concat")(quarters)
    y = _group_norm(y, f"{name}_gn")
    y = _gelu(_convolution(y, width, 1, f"{name}_conv"), f"{name}_gelu")
    p = _separable(y, width, 3, f"{name}_p")
    p = _layers.Activation("sigmoid", name=f"{name}_p_sigmoid")(p)
    q = _gelu(_separable(y, width, 5, f"{name}_q"), f"{name}_q_gelu")
    gated = _layers.Multiply(name=f"{name}_gate")([p, q])
    gated = _gelu(_separable(gated, filters, 3, f"{name}_out"), f"{name}_out_gelu")
    shortcut = _convolution(y, filters, 1, f"{name}_shortcut")
    return _layers.Add(name=f"{name}_add")([gated, shortcut])


def inverted_external_attention(x, name: str):
    """IEA: external attention between two 1x1 convolutions, residual; (B, H, W, C) to the same."""
    width = x.shape[-1]
    y = _convolution(x, width, 1, f"{name}_conv1")
    y = ExternalAttention(4 * width, name=f"{name}_attention")(y)
    y = _convolution(y, width, 1, f"{name}_conv2", use_bias=False)
    y = _group_norm(y, f"{name}_gn")
    y = _layers.Add(name=f"{name}_add")([y, x])
    return _gelu(y, f"{name}_gelu")


def attention_bridge(maps: Sequence) -> list:
    """Gate all skips in space, then in their channels, looking at all of them together.

    Args:
        maps: Feature maps (B, H_i, W_i, C_i).

    Returns:
        Maps of the same shapes.
    """
    convolution = _layers.Conv2D(
        1,
        7,
        padding="same",
        dilation_rate=3,
        kernel_initializer=_normal(49),
        activation="sigmoid",
        name="bridge_spatial",
    )
    spatial, residual, means = [], [], []
    for i, t in enumerate(maps, start=1):
        mean, maximum = ChannelMean(name=f"bridge_mean{i}")(t), ChannelMax(name=f"bridge_max{i}")(t)
        gate = convolution(_layers.Concatenate(name=f"bridge_pooled{i}")([mean, maximum]))
        spatial.append(_layers.Multiply(name=f"bridge_spatial{i}")([gate, t]))
        residual.append(_layers.Add(name=f"bridge_residual{i}")([spatial[-1], t]))
        means.append(SpatialMean(name=f"bridge_squeeze{i}")(residual[-1]))
    vector = _layers.Concatenate(name="bridge_squeeze")(means)
    length = vector.shape[-1]
    vector = _layers.Reshape((length, 1), name="bridge_sequence")(vector)
    vector = _layers.Conv1D(
        1, 3, padding="same", use_bias=False, kernel_initializer=_normal(3), name="bridge_mix"
    )(vector)
    vector = _layers.Reshape((length,), name="bridge_vector")(vector)
    outputs = []
    for i, (a, b) in enumerate(zip(spatial, residual, strict=True), start=1):
        gate = _layers.Dense(
            b.shape[-1],
            activation="sigmoid",
            # The original truncates at ±2, a hundred standard deviations.
            kernel_initializer=keras.initializers.RandomNormal(stddev=0.02),
            name=f"bridge_channel{i}",
        )(vector)
        gate = _layers.Reshape((1, 1, b.shape[-1]), name=f"bridge_gate{i}")(gate)
        gated = _layers.Multiply(name=f"bridge_gated{i}")([gate, b])
        outputs.append(_layers.Add(name=f"bridge_out{i}")([gated, a]))
    return outputs


def malunet(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    widths: Sequence[int] = (8, 16, 24, 32, 48, 64),
    name: str = "malunet",
) -> keras.Model:
    """Build MALUNet.

    Args:
        image_size: Side of the square input; a multiple of 32.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        widths: Channels of the six levels, multiples of 4. The first three are plain
            convolutions, the others attention blocks.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` is no multiple of 32, or the widths are not six multiples of 4.
    """
    if image_size % 32:
        raise ValueError(f"malunet: image_size must be a multiple of 32, got {image_size}.")
    if len(widths) != 6 or any(width % 4 for width in widths):
        raise ValueError(f"malunet: widths must be six multiples of 4, got {tuple(widths)}.")
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)
    skips = []
    for level, width in enumerate(widths[:5], start=1):
        if level <= 3:
            x = _convolution(x, width, 3, f"e{level}_conv")
        else:
            x = inverted_external_attention(x, f"e{level}_iea")
            x = dilated_gated_attention(x, width, f"e{level}_dga")
        x = _group_norm(x, f"e{level}_gn")
        x = _layers.MaxPooling2D(2, name=f"e{level}_pool")(x)
        x = _gelu(x, f"e{level}_gelu")
        skips.append(x)
    x = inverted_external_attention(x, "e6_iea")
    x = dilated_gated_attention(x, widths[5], "e6_dga")
    x = _gelu(x, "e6_gelu")
    skips = attention_bridge(skips)
    for step, (width, skip) in enumerate(zip(widths[4::-1], skips[::-1], strict=True), start=1):
        if step <= 3:
            x = dilated_gated_attention(x, width, f"d{step}_dga")
            x = inverted_external_attention(x, f"d{step}_iea")
        else:
            x = _convolution(x, width, 3, f"d{step}_conv")
        x = _group_norm(x, f"d{step}_gn")
        if step > 1:
            x = AlignCornersUpsampling(2, name=f"d{step}_up")(x)
        x = _gelu(x, f"d{step}_gelu")
        x = _layers.Add(name=f"d{step}_skip")([x, skip])
    x = _convolution(x, num_classes, 1, "out_conv", dtype="float32")
    logits = AlignCornersUpsampling(2, exact=True, dtype="float32", name="mask_logits")(x)
    return keras.Model({"image": image}, {"mask_logits": logits}, name=name)
