"""Linear maps of the transformers, started as in PyTorch or by Xavier's rule."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt
from typing import Any

import keras

_layers = keras.layers
_initializers = keras.initializers

Start = Callable[[int], tuple[keras.Initializer, keras.Initializer]]
"""Fan-in -> (initializer of the kernel, initializer of the bias)."""


def pytorch_start(fan_in: int) -> tuple[keras.Initializer, keras.Initializer]:
    """PyTorch's default: kernel and bias uniform in ±1/sqrt(fan_in)."""
    bound = 1.0 / sqrt(fan_in)
    # One object a weight: an initializer draws the same numbers each time it is called.
    return (
        _initializers.RandomUniform(-bound, bound),
        _initializers.RandomUniform(-bound, bound),
    )


def xavier_start(fan_in: int) -> tuple[keras.Initializer, keras.Initializer]:
    """Xavier-uniform kernel (it needs no `fan_in` from outside), bias 0."""
    return _initializers.GlorotUniform(), _initializers.Zeros()


def linear(x, units: int, name: str, *, start: Start = pytorch_start, use_bias: bool = True):
    """Linear map of the last axis: (B, ..., C) to (B, ..., units)."""
    kernel, bias = start(x.shape[-1])
    return _layers.Dense(
        units,
        use_bias=use_bias,
        kernel_initializer=kernel,
        bias_initializer=bias,
        name=name,
    )(x)


def convolution(
    x, filters: int, kernel_size: int, name: str, *, start: Start = pytorch_start, **arguments: Any
):
    """Convolution without padding: (B, H, W, C) to (B, H', W', filters)."""
    kernel, bias = start(x.shape[-1] * kernel_size**2)
    return _layers.Conv2D(
        filters,
        kernel_size,
        kernel_initializer=kernel,
        bias_initializer=bias,
        name=name,
        **arguments,
    )(x)


def depthwise_convolution(
    kernel_size: int, name: str, *, start: Start = pytorch_start, **arguments: Any
) -> keras.layers.DepthwiseConv2D:
    """Make a depth-wise convolution, a layer because some networks run one several times.

    It keeps the size unless `strides` or `padding` says otherwise.
    """
    kernel, bias = start(kernel_size**2)
    return _layers.DepthwiseConv2D(
        kernel_size,
        depthwise_initializer=kernel,
        bias_initializer=bias,
        name=name,
        **{"padding": "same", **arguments},
    )
