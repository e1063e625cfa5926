"""Blocks and skeleton that U-Net, R2U-Net and their attention variants share.

Padded 3x3 convolutions with biases, batch normalisation, nearest up-sampling followed by a
convolution and PyTorch's initialisation: the form of the networks that skin-lesion papers
compare with (LeeJunHyun/Image_Segmentation).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt
from typing import Any

import keras

from skinnet_keras.models.layers import BATCH_NORM, image_normalization

_layers = keras.layers

WIDTHS = (64, 128, 256, 512, 1024)
"""Channels of the encoder blocks of the four networks, from the first to the deepest."""


def _convolution(filters: int, kernel: int, fan_in: int, name: str, **arguments: Any):
    """A padded convolution that starts like PyTorch's: weights, bias in ±1/sqrt(fan_in)."""
    bound = 1.0 / sqrt(fan_in * kernel**2)
    return _layers.Conv2D(
        filters,
        kernel,
        padding="same",
        kernel_initializer=keras.initializers.RandomUniform(-bound, bound),
        bias_initializer=keras.initializers.RandomUniform(-bound, bound),
        name=name,
        **arguments,
    )


def _convolution_bn(x, filters: int, kernel: int, name: str):
    x = _convolution(filters, kernel, x.shape[-1], f"{name}_conv")(x)
    return _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)


def _convolution_unit(x, filters: int, name: str):
    """3x3 convolution, batch normalisation, ReLU."""
    x = _convolution_bn(x, filters, 3, name)
    return _layers.Activation("relu", name=f"{name}_relu")(x)


def double_convolution(x, filters: int, name: str):
    """Twice [3x3 convolution, batch normalisation, ReLU]: (B, H, W, C) to (B, H, W, filters)."""
    x = _convolution_unit(x, filters, f"{name}_unit1")
    return _convolution_unit(x, filters, f"{name}_unit2")


def up_convolution(x, filters: int, name: str):
    """Nearest up-sampling by two, then a convolution unit: (B, 2H, 2W, filters)."""
    x = _layers.UpSampling2D(2, interpolation="nearest", name=f"{name}_nearest")(x)
    return _convolution_unit(x, filters, name)


def _recurrent_unit(x, t: int, name: str):
    """One convolution unit f, run t + 1 times: y = f(x), then t times y = f(x + y).

    The runs share all weights and the statistics of the batch normalisation.
    """
    filters = x.shape[-1]
    convolution = _convolution(filters, 3, filters, f"{name}_conv")
    normalization = _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")
    relu = _layers.Activation("relu", name=f"{name}_relu")
    y = relu(normalization(convolution(x)))
    for step in range(1, t + 1):
        y = _layers.Add(name=f"{name}_step{step}")([x, y])
        y = relu(normalization(convolution(y)))
    return y


def recurrent_residual_block(x, filters: int, name: str, *, t: int):
    """1x1 convolution, then two recurrent units with one residual connection around both.

    Args:
        x: Feature map (B, H, W, C).
        filters: Channels of the output.
        name: Prefix of the layers' names.
        t: Recurrent steps of a unit; its convolution runs t + 1 times.

    Returns:
        Feature map (B, H, W, filters), without an activation after the sum.
    """
    shortcut = _convolution(filters, 1, x.shape[-1], f"{name}_project")(x)
    y = _recurrent_unit(shortcut, t, f"{name}_unit1")
    y = _recurrent_unit(y, t, f"{name}_unit2")
    return _layers.Add(name=f"{name}_residual")([shortcut, y])


def attention_gate(skip, gate, name: str):
    """Scale every pixel of the skip connection by an attention coefficient in 0..1.

    The additive gate of Attention U-Net with the up-sampled decoder map as its signal, so that
    both maps have the same size.

    Args:
        skip: Encoder's feature map (B, H, W, C).
        gate: Decoder's feature map (B, H, W, C).
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, W, C).
    """
    inner = max(1, skip.shape[-1] // 2)
    gate = _convolution_bn(gate, inner, 1, f"{name}_signal")
    inputs = _convolution_bn(skip, inner, 1, f"{name}_skip")
    x = _layers.Add(name=f"{name}_sum")([gate, inputs])
    x = _layers.Activation("relu", name=f"{name}_relu")(x)
    x = _convolution_bn(x, 1, 1, f"{name}_coefficient")
    x = _layers.Activation("sigmoid", name=f"{name}_sigmoid")(x)
    return _layers.Multiply(name=f"{name}_product")([skip, x])


def u_shaped_network(
    block: Callable[..., Any],
    *,
    gated: bool,
    image_size: int,
    num_classes: int,
    input_channels: int,
    widths: Sequence[int],
    name: str,
) -> keras.Model:
    """Build the skeleton of the four networks: encoder, decoder, skip connections, 1x1 head.

    Encoder blocks e1, e2, ... have a 2x2 max pooling between them; decoder block dN up-samples,
    concatenates (skip first) and convolves down to the width of encoder block N - 1.

    Args:
        block: Called as `block(x, filters, name=...)` for the convolutions of every level.
        gated: Whether attention gates filter the skip connections.
        image_size: Side of the square input; a multiple of `2 ** (len(widths) - 1)`.
        num_classes: Channels of the mask logits.
        input_channels: Channels of the image.
        widths: Channels of the encoder blocks, from the first to the deepest.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` cannot be halved once for each encoder block after the first.
    """
    step = 2 ** (len(widths) - 1)
    if image_size % step:
        raise ValueError(f"{name}: image_size must be a multiple of {step}, got {image_size}.")
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)
    x = block(x, widths[0], name="e1")
    skips = []
    for level, width in enumerate(widths[1:], start=2):
        skips.append(x)
        x = _layers.MaxPooling2D(2, name=f"e{level}_pool")(x)
        x = block(x, width, name=f"e{level}")
    for level in range(len(widths), 1, -1):
        width, skip = widths[level - 2], skips[level - 2]
        x = up_convolution(x, width, f"d{level}_up")
        if gated:
            skip = attention_gate(skip, x, f"d{level}_gate")
        x = _layers.Concatenate(name=f"d{level}_concat")([skip, x])
        x = block(x, width, name=f"d{level}")
    head = _convolution(num_classes, 1, widths[0], "mask_logits", dtype="float32")
    return keras.Model({"image": image}, {"mask_logits": head(x)}, name=name)
