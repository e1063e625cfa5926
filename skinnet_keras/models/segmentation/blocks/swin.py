"""Swin Transformer blocks and stages (Liu et al., ICCV 2021, arXiv:2103.14030)."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.segmentation.blocks.drop_path import DropPath
from skinnet_keras.models.segmentation.blocks.projections import linear
from skinnet_keras.models.segmentation.blocks.window_attention import WindowAttention
from skinnet_keras.models.segmentation.blocks.windows import WindowPartition, WindowReverse

_layers = keras.layers
MLP_RATIO = 4


def layer_norm(x, name: str):
    """Layer normalisation over the channels with PyTorch's epsilon, as all of Swin has it."""
    return _layers.LayerNormalization(epsilon=1e-5, name=name)(x)


def _residual(x, branch, drop_path: float, name: str):
    if drop_path > 0.0:
        branch = DropPath(drop_path, name=f"{name}_drop_path")(branch)
    return _layers.Add(name=f"{name}_add")([x, branch])


def swin_block(x, *, num_heads: int, window: int, shift: int, drop_path: float, name: str):
    """Pre-norm block of window attention and a two-layer perceptron, both residual.

    Args:
        x: Square feature map (B, H, H, C).
        num_heads: Heads of the attention; divides C.
        window: Side of the windows; divides H.
        shift: Pixels by which the windows are shifted; 0 for none.
        drop_path: Rate of stochastic depth on both branches.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, H, C).
    """
    grid, width = x.shape[2:]
    y = layer_norm(x, f"{name}_norm1")
    y = WindowPartition(window, shift, name=f"{name}_windows")(y)
    y = linear(y, 3 * width, f"{name}_qkv")
    y = WindowAttention(num_heads, grid, window, shift, name=f"{name}_attention")(y)
    y = linear(y, width, f"{name}_projection")
    y = WindowReverse(grid, window, shift, name=f"{name}_map")(y)
    x = _residual(x, y, drop_path, f"{name}_attention")
    y = layer_norm(x, f"{name}_norm2")
    y = linear(y, MLP_RATIO * width, f"{name}_fc1")
    y = _layers.Activation("gelu", name=f"{name}_gelu")(y)
    y = linear(y, width, f"{name}_fc2")
    return _residual(x, y, drop_path, f"{name}_mlp")


def swin_stage(x, *, num_heads: int, window: int, drop_path: Sequence[float], name: str):
    """Blocks one after the other; every second one shifts its windows by half a window.

    Where one window covers the whole map nothing is shifted.

    Args:
        x: Square feature map (B, H, H, C).
        num_heads: Heads of the attention; divides C.
        window: Side of the windows; divides H.
        drop_path: Rate of stochastic depth of each block: as many rates as blocks.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, H, C).
    """
    half = window // 2 if window < x.shape[1] else 0
    for block, rate in enumerate(drop_path, start=1):
        x = swin_block(
            x,
            num_heads=num_heads,
            window=window,
            shift=half if block % 2 == 0 else 0,
            drop_path=rate,
            name=f"{name}_block{block}",
        )
    return x
