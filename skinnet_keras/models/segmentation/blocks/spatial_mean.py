"""Mean over a feature map, with less rounding error than one long sum."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class SpatialMean(keras.layers.Layer):
    """Mean over height and width, one after the other.

    Kernels add up the 50,000 pixels of a large map one by one. Two sums of hundreds round ten
    times less, so that a phone and a server agree on the attention that follows, whose batch
    normalisation magnifies differences.

    Input: float (B, H, W, C). Output: (B, C).
    """

    def call(self, inputs):
        return ops.mean(ops.mean(inputs, axis=1), axis=1)

    def compute_output_shape(self, input_shape):
        return (input_shape[0], input_shape[-1])
