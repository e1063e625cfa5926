"""Convolutions with standardised weights, the partner of group normalisation in BiT ResNets."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class StandardizedConv2D(keras.layers.Conv2D):
    """2-D convolution whose kernel is standardised filter by filter before it is applied.

    Every output filter is shifted to zero mean and divided by `sqrt(variance + epsilon)`, with
    the biased variance over height, width and input channels (weight standardisation,
    arXiv:1903.10520). The stored weights stay as they are.

    Args:
        filters: Channels of the output.
        kernel_size: Size of the kernel.
        epsilon: Added to the variance.
        **kwargs: As of `keras.layers.Conv2D`.

    Input: float (B, H, W, C). Output: float (B, H', W', filters).
    """

    def __init__(self, filters, kernel_size, *, epsilon: float = 1e-5, **kwargs):
        super().__init__(filters, kernel_size, **kwargs)
        self.epsilon = float(epsilon)

    def convolution_op(self, inputs, kernel):
        # In half precision the variance of small weights would vanish.
        mean, variance = ops.moments(ops.cast(kernel, "float32"), axes=(0, 1, 2), keepdims=True)
        standardized = (ops.cast(kernel, "float32") - mean) / ops.sqrt(variance + self.epsilon)
        return super().convolution_op(inputs, ops.cast(standardized, inputs.dtype))

    def get_config(self):
        return {**super().get_config(), "epsilon": self.epsilon}
