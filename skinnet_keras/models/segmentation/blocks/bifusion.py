"""BiFusion of convolutional and transformer features, and the blocks around it (TransFuse)."""

from __future__ import annotations

from typing import Any

import keras

from skinnet_keras.models.layers import BATCH_NORM
from skinnet_keras.models.segmentation.blocks.align_corners import AlignCornersUpsampling
from skinnet_keras.models.segmentation.blocks.channel_pooling import ChannelMax, ChannelMean
from skinnet_keras.models.segmentation.blocks.projections import convolution, pytorch_start

_layers = keras.layers


def _start(fan_in: int) -> tuple[keras.Initializer, keras.Initializer]:
    """Kaiming-normal kernel, bias as PyTorch's."""
    kernel = keras.initializers.VarianceScaling(2.0, "fan_in", "untruncated_normal")
    return kernel, pytorch_start(fan_in)[1]


def conv(x, filters: int, kernel: int, name: str, **arguments: Any):
    """Padded convolution with the start of TransFuse's new layers."""
    return convolution(x, filters, kernel, name, start=_start, padding="same", **arguments)


def _bn(x, name: str):
    return _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)


def _relu(x, name: str):
    return _layers.Activation("relu", name=f"{name}_relu")(x)


def _sigmoid(x, name: str):
    return _layers.Activation("sigmoid", name=f"{name}_sigmoid")(x)


def conv_bn(x, filters: int, kernel: int, name: str, **arguments: Any):
    """Padded convolution and batch normalisation."""
    return _bn(conv(x, filters, kernel, f"{name}_conv", **arguments), name)


def conv_bn_relu(x, filters: int, kernel: int, name: str):
    """Padded convolution, batch normalisation, ReLU."""
    return _relu(conv_bn(x, filters, kernel, name), name)


def _spatial_attention(g, name: str):
    pooled = [ChannelMax(name=f"{name}_max")(g), ChannelMean(name=f"{name}_mean")(g)]
    gate = _layers.Concatenate(name=f"{name}_pooled")(pooled)
    gate = _sigmoid(conv_bn(gate, 1, 7, name, use_bias=False), name)
    return _layers.Multiply(name=f"{name}_gate")([g, gate])


def _channel_attention(x, reduction: int, name: str):
    """Squeeze and excitation (Hu et al., CVPR 2018, arXiv:1709.01507)."""
    width = x.shape[-1]
    gate = _layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = _relu(conv(gate, width // reduction, 1, f"{name}_fc1"), name)
    gate = _sigmoid(conv(gate, width, 1, f"{name}_fc2"), name)
    return _layers.Multiply(name=f"{name}_gate")([x, gate])


def _residual_unit(x, filters: int, name: str):
    """Pre-activated bottleneck with a projected shortcut, no activation after the sum."""
    y = conv(_relu(_bn(x, f"{name}_1"), f"{name}_1"), filters // 2, 1, f"{name}_conv1")
    y = conv(_relu(_bn(y, f"{name}_2"), f"{name}_2"), filters // 2, 3, f"{name}_conv2")
    y = conv(_relu(_bn(y, f"{name}_3"), f"{name}_3"), filters, 1, f"{name}_conv3")
    x = conv(x, filters, 1, f"{name}_shortcut")
    return _layers.Add(name=f"{name}_add")([y, x])


def bifusion(g, x, filters: int, reduction: int, name: str, *, dropout: float):
    """Fuse the two branches: attention in each, their bilinear product, a residual unit on all.

    Args:
        g: Map of the convolutional branch (B, H, W, C1), which gets spatial attention.
        x: Map of the transformer branch (B, H, W, C2), which gets channel attention.
        filters: Channels of the product and of the output.
        reduction: Factor by which the channel attention narrows C2.
        name: Prefix of the layers' names.
        dropout: Rate at which whole channels of the output are dropped.

    Returns:
        Feature map (B, H, W, filters).
    """
    product = _layers.Multiply(name=f"{name}_product")(
        [conv_bn(g, filters, 1, f"{name}_g"), conv_bn(x, filters, 1, f"{name}_x")]
    )
    product = conv_bn_relu(product, filters, 3, f"{name}_bilinear")
    g = _spatial_attention(g, f"{name}_spatial")
    x = _channel_attention(x, reduction, f"{name}_channel")
    x = _layers.Concatenate(name=f"{name}_concat")([g, x, product])
    x = _residual_unit(x, filters, f"{name}_residual")
    return _layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(x)


def _gated_skip(skip, signal, width: int, name: str):
    """Additive attention gate (Attention U-Net, arXiv:1804.03999) of inner width `width`."""
    gate = _layers.Add(name=f"{name}_sum")(
        [conv_bn(signal, width, 1, f"{name}_signal"), conv_bn(skip, width, 1, f"{name}_skip")]
    )
    gate = conv_bn(_relu(gate, name), 1, 1, f"{name}_coefficient")
    return _layers.Multiply(name=f"{name}_product")([skip, _sigmoid(gate, name)])


def up_block(x, filters: int, name: str, *, skip=None):
    """Up-sample by two, join the gated skip if there is one, and convolve with a shortcut.

    Args:
        x: Feature map (B, H, W, C).
        filters: Channels of the output.
        name: Prefix of the layers' names.
        skip: Feature map (B, 2H, 2W, C') or None.

    Returns:
        Feature map (B, 2H, 2W, filters).
    """
    x = AlignCornersUpsampling(2, name=f"{name}_x2")(x)
    if skip is not None:
        skip = _gated_skip(skip, x, filters, f"{name}_gate")
        x = _layers.Concatenate(name=f"{name}_concat")([skip, x])
    y = conv_bn_relu(x, filters, 3, f"{name}_1")
    y = conv_bn(y, filters, 3, f"{name}_2")
    x = conv_bn(x, filters, 1, f"{name}_shortcut")
    return _relu(_layers.Add(name=f"{name}_add")([y, x]), name)
