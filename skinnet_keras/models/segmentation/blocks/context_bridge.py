"""Enhanced transformer context bridge of MISSFormer (arXiv:2109.07162) over all scales at once.

The maps of the four scales are cut into tokens as wide as the first map: a pixel of k times that
width becomes k consecutive tokens. Attention then relates every pixel of every scale.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import keras

from skinnet_keras.models.segmentation.blocks.attention import (
    DotProductAttention,
    FactorizedAttention,
)
from skinnet_keras.models.segmentation.blocks.mix_transformer import layer_norm, mix_ffn
from skinnet_keras.models.segmentation.blocks.projections import convolution, linear
from skinnet_keras.models.segmentation.blocks.splitting import Split

_layers = keras.layers

REDUCTIONS = (8, 4, 2, 1)
"""Sides of the patches that become one key each, from the largest map to the smallest."""


def context_bridge(maps: Sequence, depth: int, *, channel_attention: Collection[int] = ()) -> list:
    """Pass the maps of the four scales through `depth` bridge layers.

    Args:
        maps: Four feature maps (B, S / 2^i, S / 2^i, C_i), the largest first; all widths are
            multiples of the first one.
        depth: Number of bridge layers, named bridge1, bridge2, ...
        channel_attention: Numbers (from 1) of the layers with channel attention in place of
            spatially reduced self-attention.

    Returns:
        Four maps of the same shapes.
    """
    shapes = [tuple(x.shape[1:]) for x in maps]
    tokens = _join(maps, shapes, "bridge_tokens")
    for index in range(1, depth + 1):
        name = f"bridge{index}"
        attend = _channel_attention if index in channel_attention else _reduced_attention
        y = attend(layer_norm(tokens, f"{name}_norm1"), shapes, f"{name}_attention")
        tokens = _layers.Add(name=f"{name}_add1")([tokens, y])
        y = layer_norm(tokens, f"{name}_norm2")
        pieces = [
            mix_ffn(x, f"{name}_ffn{level}")
            for level, x in enumerate(_cut(y, shapes, f"{name}_maps"), start=1)
        ]
        y = _join(pieces, shapes, f"{name}_tokens")
        tokens = _layers.Add(name=f"{name}_add2")([tokens, y])
    return _cut(tokens, shapes, "bridge_maps")


def _join(maps: Sequence, shapes: Sequence[tuple[int, int, int]], name: str):
    """Maps (B, H, W, k * C) to tokens (B, N, C), the k tokens of a pixel together."""
    width = shapes[0][2]
    tokens = [
        _layers.Reshape((-1, width), name=f"{name}_flat{level}")(x)
        for level, x in enumerate(maps, start=1)
    ]
    return _layers.Concatenate(axis=1, name=name)(tokens)


def _cut(tokens, shapes: Sequence[tuple[int, int, int]], name: str) -> list:
    """Invert `_join`."""
    width = shapes[0][2]
    sizes = [rows * columns * channels // width for rows, columns, channels in shapes]
    pieces = Split(sizes, axis=1, name=name)(tokens)
    return [
        _layers.Reshape(shape, name=f"{name}_map{level}")(piece)
        for level, (piece, shape) in enumerate(zip(pieces, shapes, strict=True), start=1)
    ]


def _reduced_attention(x, shapes: Sequence[tuple[int, int, int]], name: str):
    """Self-attention of all tokens to the tokens of spatially reduced maps."""
    width = x.shape[-1]
    queries = linear(x, width, f"{name}_q")
    reduced = []
    for level, (y, side) in enumerate(
        zip(_cut(x, shapes, f"{name}_maps"), REDUCTIONS, strict=True), start=1
    ):
        if side == 1:
            reduced.append(_layers.Reshape((-1, width), name=f"{name}_flat{level}")(y))
            continue
        y = convolution(y, y.shape[-1], side, f"{name}_reduce{level}", strides=side)
        reduced.append(_channel_major_tokens(y, width, f"{name}_reduce{level}"))
    y = _layers.Concatenate(axis=1, name=f"{name}_reduced")(reduced)
    y = layer_norm(y, f"{name}_reduce_norm")
    keys_values = linear(y, 2 * width, f"{name}_kv")
    y = DotProductAttention(name=name)([queries, keys_values])
    return linear(y, width, f"{name}_project")


def _channel_major_tokens(x, width: int, name: str):
    """Map (B, H, W, k * C) to tokens (B, k * H * W, C) as the originals cut reduced maps.

    They reshape the channel-first map to C rows: k consecutive channels of a pixel share one
    channel of the tokens, and the tokens of one of the k follow each other.
    """
    pixels, times = x.shape[1] * x.shape[2], x.shape[3] // width
    if times > 1:
        x = _layers.Reshape((pixels, width, times), name=f"{name}_rows")(x)
        x = _layers.Permute((3, 1, 2), name=f"{name}_permute")(x)
    return _layers.Reshape((times * pixels, width), name=f"{name}_tokens")(x)


def _channel_attention(x, shapes: Sequence[tuple[int, int, int]], name: str):
    """Efficient attention between rows of tokens (TransCeption's dual bridge).

    Queries, keys and values are reshaped, not transposed, from (N, C) to (C, N), as in the
    original: a row holds whole neighbouring tokens.
    """
    tokens, width = x.shape[1:]
    parts = {}
    for part in "qkv":
        y = linear(x, width, f"{name}_{part}")
        y = _layers.Reshape((width, tokens), name=f"{name}_{part}_rows")(y)
        parts[part] = _layers.Permute((2, 1), name=f"{name}_{part}_columns")(y)
    parts["q"] = _layers.Softmax(name=f"{name}_q_softmax")(parts["q"])
    y = FactorizedAttention(name=name)([parts["q"], parts["k"], parts["v"]])
    return linear(y, width, f"{name}_project")
