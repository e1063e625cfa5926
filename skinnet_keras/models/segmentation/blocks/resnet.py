"""ResNet encoder (He et al., CVPR 2016, arXiv:1512.03385) in torchvision's form, stage by stage.

Padded alike on all sides, no biases; the bottleneck has its stride in the 3x3 convolution.
"""

from __future__ import annotations

import keras

from skinnet_keras.models.layers import BATCH_NORM

_layers = keras.layers


def _conv_bn(x, filters: int, kernel: int, name: str, stride: int = 1):
    if kernel > 1:
        # "same" would pad a strided convolution at the bottom and right only.
        x = _layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = _layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        use_bias=False,
        kernel_initializer=keras.initializers.VarianceScaling(2.0, "fan_out", "untruncated_normal"),
        name=f"{name}_conv",
    )(x)
    return _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)


def _relu(x, name: str):
    return _layers.Activation("relu", name=f"{name}_relu")(x)


def resnet_stem(x, width: int, name: str):
    """7x7 convolution of stride 2 and 3x3 max pooling: (B, H, W, C) to (B, H/4, W/4, width)."""
    x = _relu(_conv_bn(x, width, 7, name, stride=2), name)
    # Zeros are as good as minus infinity at the border, since no value is below zero.
    x = _layers.ZeroPadding2D(1, name=f"{name}_pool_pad")(x)
    return _layers.MaxPooling2D(3, strides=2, name=f"{name}_pool")(x)


def _residual_block(x, width: int, stride: int, bottleneck: bool, name: str):
    if bottleneck:
        y = _relu(_conv_bn(x, width, 1, f"{name}_1"), f"{name}_1")
        y = _relu(_conv_bn(y, width, 3, f"{name}_2", stride), f"{name}_2")
        y = _conv_bn(y, 4 * width, 1, f"{name}_3")
    else:
        y = _relu(_conv_bn(x, width, 3, f"{name}_1", stride), f"{name}_1")
        y = _conv_bn(y, width, 3, f"{name}_2")
    if stride > 1 or x.shape[-1] != y.shape[-1]:
        x = _conv_bn(x, y.shape[-1], 1, f"{name}_shortcut", stride)
    return _relu(_layers.Add(name=f"{name}_add")([y, x]), name)


def resnet_stage(x, width: int, blocks: int, name: str, *, stride: int, bottleneck: bool):
    """One stage of residual blocks.

    Args:
        x: Feature map (B, H, W, C).
        width: Channels of the 3x3 convolutions.
        blocks: Number of residual blocks.
        name: Prefix of the layers' names.
        stride: Stride of the first block.
        bottleneck: Whether the blocks are bottlenecks (ResNet-50), with an output of four times
            `width`, or two 3x3 convolutions (ResNet-34).

    Returns:
        Feature map (B, H / stride, W / stride, width or 4 * width).
    """
    for block in range(1, blocks + 1):
        x = _residual_block(x, width, stride, bottleneck, f"{name}_block{block}")
        stride = 1
    return x
