"""Attention products without weights; the linear maps around them are layers of their own."""

from __future__ import annotations

import math

import keras
from keras import ops


def _split_heads(x, num_heads: int):
    """(B, ..., C) to (B, N, heads, C / heads), N the product of the middle axes."""
    tokens = math.prod(x.shape[1:-1])
    return ops.reshape(x, (-1, tokens, num_heads, x.shape[-1] // num_heads))


@keras.saving.register_keras_serializable("skinnet_keras")
class DotProductAttention(keras.layers.Layer):
    """Scaled dot-product attention (Vaswani et al. 2017, arXiv:1706.03762).

    `softmax(q kᵀ / sqrt(D)) v` for every head, D the channels of a head.

    Args:
        num_heads: Heads; consecutive channels belong to one head.

    Input: queries (B, ..., C); keys and values joined (B, ..., 2C), keys first. The axes
    between the first and the last are tokens. Output: the shape of the queries.
    """

    def __init__(self, num_heads: int = 1, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = int(num_heads)

    def call(self, inputs):
        queries, keys_values = inputs
        width = queries.shape[-1]
        q, k, v = (
            _split_heads(x, self.num_heads)
            for x in (queries, keys_values[..., :width], keys_values[..., width:])
        )
        q = ops.transpose(q, (0, 2, 1, 3)) * (width // self.num_heads) ** -0.5
        weights = ops.softmax(ops.matmul(q, ops.transpose(k, (0, 2, 3, 1))), axis=-1)
        x = ops.matmul(weights, ops.transpose(v, (0, 2, 1, 3)))
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, *queries.shape[1:]))

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads}


@keras.saving.register_keras_serializable("skinnet_keras")
class FactorizedAttention(keras.layers.Layer):
    """Attention whose cost is linear in the tokens: `scale * q (softmax(k)ᵀ v)`.

    The softmax goes over the tokens, so that `softmax(k)ᵀ v` is a small context matrix for every
    head (CoaT, arXiv:2104.06399). With one head, scale 1 and the queries already a softmax
    over their channels it is efficient attention (Shen et al., WACV 2021, arXiv:1812.01243).

    Args:
        num_heads: Heads; consecutive channels belong to one head.
        scale: Factor of the result.

    Input: queries, keys and values, (B, ..., C) each; the axes between the first and the last are
    tokens. Output: the same shape.
    """

    def __init__(self, num_heads: int = 1, scale: float = 1.0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = int(num_heads)
        self.scale = float(scale)

    def call(self, inputs):
        q, k, v = (_split_heads(x, self.num_heads) for x in inputs)
        k = ops.softmax(ops.transpose(k, (0, 2, 3, 1)), axis=-1)
        context = ops.matmul(k, ops.transpose(v, (0, 2, 1, 3))) * self.scale
        x = ops.matmul(ops.transpose(q, (0, 2, 1, 3)), context)
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, *inputs[0].shape[1:]))

    def compute_output_shape(self, input_shape):
        return input_shape[0]

    def get_config(self):
        return {**super().get_config(), "num_heads": self.num_heads, "scale": self.scale}
