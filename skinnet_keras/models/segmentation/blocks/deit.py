"""DeiT encoder (Touvron et al., ICML 2021, arXiv:2012.12877) without class token."""

from __future__ import annotations

import keras

from skinnet_keras.models.segmentation.blocks.attention import DotProductAttention
from skinnet_keras.models.segmentation.blocks.projections import convolution, linear
from skinnet_keras.models.segmentation.blocks.splitting import Split
from skinnet_keras.models.segmentation.blocks.vit import PositionEmbedding, layer_norm

_layers = keras.layers


def _start(fan_in: int) -> tuple[keras.Initializer, keras.Initializer]:
    """Normal weights (the original truncates at ±2, a hundred standard deviations), biases 0."""
    return keras.initializers.RandomNormal(stddev=0.02), keras.initializers.Zeros()


def _block(x, num_heads: int, name: str):
    """Pre-norm transformer block: self-attention, then a perceptron four times as wide."""
    width = x.shape[-1]
    y = layer_norm(x, f"{name}_norm1")
    y = linear(y, 3 * width, f"{name}_qkv", start=_start)
    query, keys_values = Split([width, 2 * width], name=f"{name}_split")(y)
    y = DotProductAttention(num_heads, name=f"{name}_attention")([query, keys_values])
    y = linear(y, width, f"{name}_project", start=_start)
    x = _layers.Add(name=f"{name}_add1")([x, y])
    y = layer_norm(x, f"{name}_norm2")
    y = linear(y, 4 * width, f"{name}_fc1", start=_start)
    y = _layers.Activation("gelu", name=f"{name}_gelu")(y)  # the exact one
    y = linear(y, width, f"{name}_fc2", start=_start)
    return _layers.Add(name=f"{name}_add2")([x, y])


def deit_encoder(x, width: int, depth: int, num_heads: int, name: str, *, patch: int = 16):
    """Cut the image into patches, embed them, run the transformer, and lay the tokens out again.

    The position embedding starts at zero and fits the image's grid; there is no dropout.

    Args:
        x: Image (B, S, S, C), S a multiple of `patch`.
        width: Channels of a token, a multiple of `num_heads`.
        depth: Number of transformer blocks.
        num_heads: Heads of the self-attention.
        name: Prefix of the layers' names.
        patch: Side of a patch.

    Returns:
        Feature map (B, S / patch, S / patch, width) after the last normalisation.
    """
    x = convolution(x, width, patch, f"{name}_patches", strides=patch)
    _, height, columns, _ = x.shape
    x = _layers.Reshape((height * columns, width), name=f"{name}_tokens")(x)
    x = PositionEmbedding(name=f"{name}_position")(x)
    for block in range(1, depth + 1):
        x = _block(x, num_heads, f"{name}_block{block}")
    x = layer_norm(x, f"{name}_norm")
    return _layers.Reshape((height, columns, width), name=f"{name}_map")(x)
