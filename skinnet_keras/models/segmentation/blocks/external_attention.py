"""External attention: every pixel attends to learnt vectors in place of the other pixels."""

from __future__ import annotations

from math import sqrt

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class ExternalAttention(keras.layers.Layer):
    """External attention (Guo et al., TPAMI 2023, arXiv:2105.02358).

    For pixels x_i and learnt keys k_j, values v_j: the scores `x_i · k_j` go through a softmax
    over the pixels i, are divided by their sum over the keys j (plus 1e-9), and weigh the values.

    Args:
        memory: Number of learnt keys and values.

    Input: float (B, H, W, C), H and W static. Output: the same shape.
    """

    def __init__(self, memory: int, **kwargs):
        super().__init__(**kwargs)
        self.memory = int(memory)

    def build(self, input_shape):
        channels = input_shape[-1]
        start = keras.initializers.RandomNormal(stddev=sqrt(2.0 / channels))

        def transposed(shape, dtype=None):
            return ops.transpose(start(shape[::-1], dtype))  # the same numbers at every call

        # As MALUNet has it: the two start as one matrix and its transpose.
        self.keys = self.add_weight(shape=(channels, self.memory), initializer=start, name="keys")
        self.values = self.add_weight(
            shape=(self.memory, channels), initializer=transposed, name="values"
        )

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        pixels = ops.reshape(inputs, (-1, height * width, channels))
        scores = ops.softmax(ops.matmul(pixels, self.keys), axis=1)
        scores = scores / (1e-9 + ops.sum(scores, axis=-1, keepdims=True))
        return ops.reshape(ops.matmul(scores, self.values), (-1, height, width, channels))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "memory": self.memory}
