"""Statistics of every pixel over its channels, the inputs of spatial attention."""

from __future__ import annotations

import keras
from keras import ops


class _ChannelReduction(keras.layers.Layer):
    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], 1)


@keras.saving.register_keras_serializable("skinnet_keras")
class ChannelMean(_ChannelReduction):
    """Mean over the channels: float (B, H, W, C) to (B, H, W, 1)."""

    def call(self, inputs):
        return ops.mean(inputs, axis=-1, keepdims=True)


@keras.saving.register_keras_serializable("skinnet_keras")
class ChannelMax(_ChannelReduction):
    """Maximum over the channels: float (B, H, W, C) to (B, H, W, 1)."""

    def call(self, inputs):
        return ops.max(inputs, axis=-1, keepdims=True)
