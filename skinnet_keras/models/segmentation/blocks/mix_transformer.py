"""Blocks of the Mix Transformer as MISSFormer and TransCeption use them.

Tokens stay feature maps (B, H, W, C): linear maps and layer normalisation work on the last axis,
so that only attention has to flatten them. LayerNorm epsilon 1e-5, exact GELU, no dropout.
"""

from __future__ import annotations

import keras

from skinnet_keras.models.segmentation.blocks.attention import (
    DotProductAttention,
    FactorizedAttention,
)
from skinnet_keras.models.segmentation.blocks.projections import (
    Start,
    convolution,
    depthwise_convolution,
    linear,
    pytorch_start,
)

_layers = keras.layers


def layer_norm(x, name: str, *, epsilon: float = 1e-5):
    """Layer normalisation of the last axis."""
    return _layers.LayerNormalization(epsilon=epsilon, name=name)(x)


def patch_embedding(x, width: int, kernel_size: int, stride: int, name: str):
    """Overlapping patches: strided convolution with symmetric padding, layer normalisation.

    Args:
        x: Feature map (B, H, W, C).
        width: Channels of the output.
        kernel_size: Side of a patch, odd.
        stride: Distance of the patches.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H / stride, W / stride, width).
    """
    # "same" would pad even sizes on the other side.
    x = _layers.ZeroPadding2D(kernel_size // 2, name=f"{name}_pad")(x)
    x = convolution(x, width, kernel_size, f"{name}_conv", strides=stride)
    return layer_norm(x, f"{name}_norm")


def mix_ffn(x, name: str, *, start: Start = pytorch_start, ratio: int = 4):
    """Enhanced Mix-FFN (MISSFormer): a 3x3 depth-wise convolution with a skip connection.

    h = linear(x), then linear(GELU(LN(depthwise(h) + h))).

    Args:
        x: Feature map (B, H, W, C).
        name: Prefix of the layers' names.
        start: How the weights start.
        ratio: Hidden channels for each channel of the input.

    Returns:
        Feature map (B, H, W, C).
    """
    hidden = linear(x, ratio * x.shape[-1], f"{name}_linear1", start=start)
    y = depthwise_convolution(3, f"{name}_depthwise", start=start)(hidden)
    y = _layers.Add(name=f"{name}_skip")([y, hidden])
    y = layer_norm(y, f"{name}_norm")
    y = _layers.Activation("gelu", name=f"{name}_gelu")(y)
    return linear(y, x.shape[-1], f"{name}_linear2", start=start)


def spatial_reduction_block(
    x, heads: int, reduction: int, name: str, *, start: Start = pytorch_start
):
    """Transformer block of MISSFormer: efficient self-attention, then Enhanced Mix-FFN.

    Args:
        x: Feature map (B, H, W, C).
        heads: Heads of the attention.
        reduction: Factor by which keys and values are coarser than the queries along each side.
        name: Prefix of the layers' names.
        start: How the weights start.

    Returns:
        Feature map (B, H, W, C).
    """
    attention = f"{name}_attention"
    y = layer_norm(x, f"{name}_norm1")
    queries = linear(y, x.shape[-1], f"{attention}_q", start=start)
    if reduction > 1:
        y = convolution(
            y, x.shape[-1], reduction, f"{attention}_reduce", strides=reduction, start=start
        )
        y = layer_norm(y, f"{attention}_reduce_norm")
    keys_values = linear(y, 2 * x.shape[-1], f"{attention}_kv", start=start)
    y = DotProductAttention(heads, name=attention)([queries, keys_values])
    y = linear(y, x.shape[-1], f"{attention}_project", start=start)
    x = _layers.Add(name=f"{name}_add1")([x, y])
    y = mix_ffn(layer_norm(x, f"{name}_norm2"), f"{name}_ffn", start=start)
    return _layers.Add(name=f"{name}_add2")([x, y])


def efficient_attention_block(x, name: str, *, start: Start = pytorch_start):
    """Transformer block of TransCeption: one-head efficient attention, then Enhanced Mix-FFN.

    Args:
        x: Feature map (B, H, W, C).
        name: Prefix of the layers' names.
        start: How the weights start.

    Returns:
        Feature map (B, H, W, C).
    """
    attention = f"{name}_attention"
    y = layer_norm(x, f"{name}_norm1")
    keys, queries, values = (
        convolution(y, x.shape[-1], 1, f"{attention}_{part}", start=start) for part in "kqv"
    )
    queries = _layers.Softmax(name=f"{attention}_q_softmax")(queries)
    y = FactorizedAttention(name=attention)([queries, keys, values])
    y = convolution(y, x.shape[-1], 1, f"{attention}_project", start=start)
    x = _layers.Add(name=f"{name}_add1")([x, y])
    y = mix_ffn(layer_norm(x, f"{name}_norm2"), f"{name}_ffn", start=start)
    return _layers.Add(name=f"{name}_add2")([x, y])
