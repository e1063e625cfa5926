"""EfficientNet-Lite: EfficientNet for phones and integer arithmetic.

From `models/official/efficientnet/lite` of TensorFlow's TPU repository: the MBConv stages of
EfficientNet-B0 without squeeze-and-excitation, which many accelerators lack, and with ReLU6 for
swish, whose bounded range is meant for 8 bits; scaled up or down, the stem keeps its 32 and the
head its 1280 channels.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import keras

_layers = keras.layers

STEM_FILTERS = 32
HEAD_FILTERS = 1280
# The original's, which are Keras' own defaults as well.
_BATCH_NORM = {"momentum": 0.99, "epsilon": 1e-3}
_CHANNEL_STEP = 8
_LAST_DROP_RATE = 0.2
_KERNEL_INITIALIZER = {
    "class_name": "VarianceScaling",
    "config": {"scale": 2.0, "mode": "fan_out", "distribution": "truncated_normal"},
}


class _Stage(NamedTuple):
    repeats: int
    kernel: int
    stride: int
    expand: int
    filters: int


_STAGES = (
    _Stage(1, 3, 1, 1, 16),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320),
)


def efficientnet_lite(
    input_shape: tuple[int, int, int], *, width: float = 1.0, depth: float = 1.0, name: str
) -> keras.Model:
    """Build an EfficientNet-Lite without its top.

    Layers are called as in `keras.applications.EfficientNetB0`.

    Args:
        input_shape: (H, W, C) of the normalised image; any number of channels.
        width: Factor of the stages' channels, which are rounded to multiples of 8. Stem and head
            are not scaled.
        depth: Factor of the stages' repetitions, rounded up. First and last stage are not scaled.
        name: Name of the model.

    Returns:
        A model from float32 (B, H, W, C) to features (B, H/32, W/32, 1280), sides rounded up.
    """
    inputs = keras.Input(input_shape)
    x = _convolution(inputs, STEM_FILTERS, 3, 2, "stem_conv")
    x = _norm_relu6(x, "stem")
    first_and_last = (0, len(_STAGES) - 1)
    repeats = [
        stage.repeats if i in first_and_last else math.ceil(depth * stage.repeats)
        for i, stage in enumerate(_STAGES)
    ]
    built, blocks = 0, sum(repeats)
    for number, (stage, repetitions) in enumerate(zip(_STAGES, repeats, strict=True), start=1):
        filters = _scaled(stage.filters, width)
        for repetition in range(repetitions):
            x = _block(
                x,
                stage._replace(filters=filters, stride=1 if repetition else stage.stride),
                drop_rate=_LAST_DROP_RATE * built / blocks,
                name=f"block{number}{chr(ord('a') + repetition)}",
            )
            built += 1
    x = _convolution(x, HEAD_FILTERS, 1, 1, "top_conv")
    x = _norm_relu6(x, "top")
    return keras.Model(inputs, x, name=name)


def _block(x, stage: _Stage, *, drop_rate: float, name: str):
    """MBConv without squeeze-and-excitation (the inverted residual of MobileNetV2)."""
    inputs, width = x, x.shape[-1]
    if stage.expand != 1:
        x = _convolution(x, width * stage.expand, 1, 1, f"{name}_expand_conv")
        x = _norm_relu6(x, f"{name}_expand")
    x = _layers.DepthwiseConv2D(
        stage.kernel,
        strides=stage.stride,
        padding="same",
        use_bias=False,
        depthwise_initializer=_KERNEL_INITIALIZER,
        name=f"{name}_dwconv",
    )(x)
    x = _norm_relu6(x, name)
    x = _convolution(x, stage.filters, 1, 1, f"{name}_project_conv")
    x = _layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_project_bn")(x)
    if stage.stride == 1 and width == stage.filters:
        if drop_rate > 0:
            # Stochastic depth: whole residual branches of single images are dropped.
            x = _layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(x)
        x = _layers.Add(name=f"{name}_add")([x, inputs])
    return x


def _convolution(x, filters: int, kernel: int, stride: int, name: str):
    return _layers.Conv2D(
        filters,
        kernel,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer=_KERNEL_INITIALIZER,
        name=name,
    )(x)


def _norm_relu6(x, name: str):
    x = _layers.BatchNormalization(**_BATCH_NORM, name=f"{name}_bn")(x)
    return _layers.Activation("relu6", name=f"{name}_activation")(x)


def _scaled(filters: int, width: float) -> int:
    """The multiple of 8 next to `width * filters`, but not below nine tenths of it."""
    target = width * filters
    rounded = max(_CHANNEL_STEP, int(target + _CHANNEL_STEP / 2) // _CHANNEL_STEP * _CHANNEL_STEP)
    return rounded if rounded >= 0.9 * target else rounded + _CHANNEL_STEP


def efficientnet_lite0(input_shape: tuple[int, int, int]) -> keras.Model:
    """EfficientNet-Lite0 from normalised (B, H, W, C) to features (B, H/32, W/32, 1280)."""
    return efficientnet_lite(input_shape, name="efficientnet_lite0")


def efficientnet_lite0_075(input_shape: tuple[int, int, int]) -> keras.Model:
    """EfficientNet-Lite0 at 0.75 of its width, with features (B, H/32, W/32, 1280)."""
    return efficientnet_lite(input_shape, width=0.75, name="efficientnet_lite0_075")
