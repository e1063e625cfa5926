"""Self-attention inside windows, with a bias for each relative position (Swin)."""

from __future__ import annotations

import warnings

import keras
from keras import ops

from skinnet_keras.models.segmentation.blocks.windows import (
    relative_position_index,
    shifted_window_mask,
)


def _softmax(scores):
    with warnings.catch_warnings():
        # Windows of one pixel (TransDeepLab's fourth SSPP level) have one weight, 1, by design.
        warnings.filterwarnings("ignore", message="You are using a softmax over axis")
        return ops.softmax(scores, axis=-1)


@keras.saving.register_keras_serializable("skinnet_keras")
class WindowAttention(keras.layers.Layer):
    """Multi-head self-attention inside windows, with a learnt bias for each relative position.

    Swin Transformer (Liu et al., ICCV 2021, arXiv:2103.14030). The linear maps before and after
    it are layers of their own.

    Args:
        num_heads: Number of heads; divides the channels C.
        grid: Side of the square map the windows come from.
        window: Side w of the windows.
        shift: Pixels by which the map was rolled; pixels that were no neighbours before the
            roll do not attend to each other.

    Input: queries, keys and values joined, float (B * windows, w², 3C).
    Output: float (B * windows, w², C).
    """

    def __init__(self, num_heads: int, grid: int, window: int, shift: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.num_heads = int(num_heads)
        self.grid = int(grid)
        self.window = int(window)
        self.shift = int(shift)

    def build(self, input_shape):
        self.bias_table = self.add_weight(
            shape=((2 * self.window - 1) ** 2, self.num_heads),
            initializer=keras.initializers.RandomNormal(stddev=0.02),
            name="relative_position_bias_table",
        )

    def call(self, inputs):
        heads, tokens, width = self.num_heads, self.window**2, inputs.shape[-1] // 3
        parts = ops.reshape(inputs, (-1, tokens, 3 * heads, width // heads))
        parts = ops.transpose(parts, (0, 2, 1, 3))
        query, key, value = ops.split(parts, 3, axis=1)
        query = query * (width // heads) ** -0.5
        scores = ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))) + self._position_bias()
        if self.shift:
            scores = self._masked(scores)
        x = ops.matmul(_softmax(scores), value)
        return ops.reshape(ops.transpose(x, (0, 2, 1, 3)), (-1, tokens, width))

    def _position_bias(self):
        """The bias of each pair of tokens, (heads, w², w²)."""
        tokens = self.window**2
        index = relative_position_index(self.window).reshape(-1)
        # Along the second axis: rows gathered from a variable get a sparse gradient.
        bias = ops.take(ops.transpose(self.bias_table), index, axis=1)
        return ops.reshape(bias, (-1, tokens, tokens))

    def _masked(self, scores):
        heads, tokens = self.num_heads, self.window**2
        mask = shifted_window_mask(self.grid, self.window, self.shift)
        by_window = ops.reshape(scores, (-1, mask.shape[0], heads, tokens, tokens))
        by_window = by_window + ops.cast(mask[:, None], scores.dtype)
        return ops.reshape(by_window, (-1, heads, tokens, tokens))

    def compute_output_shape(self, input_shape):
        return *input_shape[:-1], input_shape[-1] // 3

    def get_config(self):
        return {
            **super().get_config(),
            "num_heads": self.num_heads,
            "grid": self.grid,
            "window": self.window,
            "shift": self.shift,
        }
