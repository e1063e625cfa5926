"""Encoder stage of TransCeption: inception-like patch merging, transformer paths, fusion."""

from __future__ import annotations

from typing import Any

import keras

from skinnet_keras.models.layers import BATCH_NORM
from skinnet_keras.models.segmentation.blocks.attention import FactorizedAttention
from skinnet_keras.models.segmentation.blocks.coordinate_attention import coordinate_attention
from skinnet_keras.models.segmentation.blocks.mix_transformer import layer_norm, mix_ffn
from skinnet_keras.models.segmentation.blocks.projections import (
    convolution,
    depthwise_convolution,
    linear,
    xavier_start,
)
from skinnet_keras.models.segmentation.blocks.splitting import Split

_layers = keras.layers

_HEADS = 8
_PATHS = 3
_WINDOWS = {3: 2, 5: 3, 7: 3}
"""Side of the relative position encoding's kernel -> heads that use it, in the heads' order."""
_BEFORE_NORM: dict[str, Any] = {"use_bias": False, "start": xavier_start}


def inception_stage(x, width: int, depth: int, name: str):
    """Halve the map, run it through three transformer paths and fuse them.

    Args:
        x: Feature map (B, H, W, C), C a multiple of 8.
        width: Channels of the output.
        depth: Transformer blocks of a path.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H / 2, W / 2, width).
    """
    merged = _patch_merging(x, name)
    paths = [
        _transformer_path(y, depth, f"{name}_path{index}")
        for index, y in enumerate(merged, start=1)
    ]
    residual = _inverted_residual(merged[0], f"{name}_residual")
    x = _layers.Concatenate(name=f"{name}_concat")([residual, *paths])
    x = coordinate_attention(x, f"{name}_fusion")
    return convolution(x, width, 1, f"{name}_fusion_project")


def _batch_norm_hard_swish(x, name: str):
    x = _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)
    return _layers.Activation("hard_swish", name=f"{name}_hard_swish")(x)


def _patch_merging(x, name: str) -> list:
    """Three depth-wise separable 3x3 units in a chain: receptive fields of 3, 5 and 7 pixels."""
    outputs = []
    for index in range(1, _PATHS + 1):
        unit = f"{name}_merge{index}"
        if index == 1:
            # "same" would pad even sizes on the other side.
            x = _layers.ZeroPadding2D(1, name=f"{unit}_pad")(x)
            x = depthwise_convolution(
                3, f"{unit}_depthwise", strides=2, padding="valid", **_BEFORE_NORM
            )(x)
        else:
            x = depthwise_convolution(3, f"{unit}_depthwise", **_BEFORE_NORM)(x)
        x = convolution(x, x.shape[-1], 1, f"{unit}_pointwise", **_BEFORE_NORM)
        x = _batch_norm_hard_swish(x, unit)
        outputs.append(x)
    return outputs


def _transformer_path(x, depth: int, name: str):
    """Blocks with one position encoding, and one relative position encoding, for all of them."""
    head_width = x.shape[-1] // _HEADS
    position = depthwise_convolution(3, f"{name}_position")
    windows = [depthwise_convolution(side, f"{name}_relative{side}") for side in _WINDOWS]
    sizes = [heads * head_width for heads in _WINDOWS.values()]

    def relative_position(values, block: str):
        pieces = Split(sizes, name=f"{block}_relative_heads")(values)
        pieces = [window(piece) for window, piece in zip(windows, pieces, strict=True)]
        return _layers.Concatenate(name=f"{block}_relative")(pieces)

    for index in range(1, depth + 1):
        block = f"{name}_block{index}"
        x = _layers.Add(name=f"{block}_position")([position(x), x])
        x = _transformer_block(x, relative_position, block)
    return x


def _transformer_block(x, relative_position, name: str):
    """Factorised attention with convolutional relative positions, then Enhanced Mix-FFN."""
    attention, width = f"{name}_attention", x.shape[-1]
    y = layer_norm(x, f"{name}_norm1", epsilon=1e-6)
    y = linear(y, 3 * width, f"{attention}_qkv")
    queries, keys, values = Split([width] * 3, name=f"{attention}_parts")(y)
    y = FactorizedAttention(_HEADS, (width // _HEADS) ** -0.5, name=attention)(
        [queries, keys, values]
    )
    relative = _layers.Multiply(name=f"{attention}_positions")(
        [queries, relative_position(values, attention)]
    )
    y = _layers.Add(name=f"{attention}_sum")([y, relative])
    y = linear(y, width, f"{attention}_project")
    x = _layers.Add(name=f"{name}_add1")([x, y])
    y = mix_ffn(layer_norm(x, f"{name}_norm2", epsilon=1e-6), f"{name}_ffn")
    return _layers.Add(name=f"{name}_add2")([x, y])


def _inverted_residual(x, name: str):
    """1x1, depth-wise 3x3 and 1x1 convolutions around an identity, no biases."""
    y = convolution(x, x.shape[-1], 1, f"{name}_conv1", **_BEFORE_NORM)
    y = _batch_norm_hard_swish(y, f"{name}_conv1")
    y = depthwise_convolution(3, f"{name}_depthwise", **_BEFORE_NORM)(y)
    y = _batch_norm_hard_swish(y, f"{name}_depthwise")
    y = convolution(y, x.shape[-1], 1, f"{name}_conv2", **_BEFORE_NORM)
    y = _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_conv2_bn")(y)
    return _layers.Add(name=f"{name}_add")([x, y])
