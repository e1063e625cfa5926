"""Channel and spatial attention in a row (CBAM, Woo et al., ECCV 2018, arXiv:1807.06521)."""

from __future__ import annotations

import keras
from keras import ops

from skinnet_keras.models.segmentation.blocks.projections import convolution, pytorch_start

_layers = keras.layers


@keras.saving.register_keras_serializable("skinnet_keras")
class ChannelExtremeAndMean(keras.layers.Layer):
    """Maximum and mean over the channels of every pixel.

    Input: float (B, H, W, C). Output: float (B, H, W, 2), the maximum first.
    """

    def call(self, inputs):
        extreme = ops.max(inputs, axis=-1, keepdims=True)
        return ops.concatenate([extreme, ops.mean(inputs, axis=-1, keepdims=True)], axis=-1)

    def compute_output_shape(self, input_shape):
        return *input_shape[:-1], 2


def _pointwise(filters: int, fan_in: int, name: str):
    """1x1 convolution without bias, a layer because both poolings run through it."""
    kernel, _ = pytorch_start(fan_in)
    return _layers.Conv2D(filters, 1, use_bias=False, kernel_initializer=kernel, name=name)


def _channel_gate(x, reduction: int, name: str):
    width = x.shape[-1]
    inner = max(1, width // reduction)
    squeeze = _pointwise(inner, width, f"{name}_squeeze")
    relu = _layers.Activation("relu", name=f"{name}_relu")
    excite = _pointwise(width, inner, f"{name}_excite")
    extreme = _layers.GlobalMaxPooling2D(keepdims=True, name=f"{name}_max")(x)
    mean = _layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_mean")(x)
    gates = [excite(relu(squeeze(pooled))) for pooled in (extreme, mean)]
    gate = _layers.Add(name=f"{name}_sum")(gates)
    gate = _layers.Activation("sigmoid", name=f"{name}_sigmoid")(gate)
    return _layers.Multiply(name=name)([x, gate])


def _spatial_gate(x, name: str):
    gate = ChannelExtremeAndMean(name=f"{name}_statistics")(x)
    gate = convolution(gate, 1, 1, f"{name}_conv")
    gate = _layers.Activation("sigmoid", name=f"{name}_sigmoid")(gate)
    return _layers.Multiply(name=name)([x, gate])


def residual_cbam(x, *, reduction: int, name: str):
    """Gate channels, then pixels, and add the input.

    The channel gate sends maximum and mean over the map through one shared two-layer network
    without biases; the spatial gate is a 1x1 convolution (the paper's: 7x7) of maximum and mean
    over the channels, as TransDeepLab has it.

    Args:
        x: Feature map (B, H, W, C).
        reduction: Factor by which the shared network narrows the channels.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, W, C).
    """
    y = _channel_gate(x, reduction, f"{name}_channel")
    y = _spatial_gate(y, f"{name}_spatial")
    return _layers.Add(name=f"{name}_add")([x, y])
