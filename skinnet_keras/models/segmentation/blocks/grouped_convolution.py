"""Grouped convolution that trains at full speed on a CPU."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class GroupedConv2D(keras.layers.Conv2D):
    """Padded 2-D convolution in groups, stride 1, without bias.

    The mathematics and the weights are those of `Conv2D(groups=...)`. On the TensorFlow backend
    that layer goes through XLA, whose gradient on a CPU takes several times as long and which
    not every runtime holds: here the groups are convolutions of their own in training and one
    plain TensorFlow operation in inference.

    Args:
        filters: Channels of the output, a multiple of `groups`.
        kernel_size: Side of the square kernel.
        groups: Groups of consecutive channels.
        **kwargs: `kernel_initializer` and the other arguments of a layer.

    Input: float (B, H, W, C), C a multiple of `groups`. Output: float (B, H, W, filters).
    """

    def __init__(self, filters: int, kernel_size, groups: int, **kwargs):
        super().__init__(
            filters,
            kernel_size,
            groups=groups,
            **{**kwargs, "padding": "same", "use_bias": False},
        )

    def call(self, inputs, training=False):
        if keras.backend.backend() != "tensorflow":
            return super().call(inputs)
        if training:
            pieces = zip(
                ops.split(inputs, self.groups, axis=-1),
                ops.split(self.kernel, self.groups, axis=-1),
                strict=True,
            )
            return ops.concatenate([self.convolution_op(x, k) for x, k in pieces], axis=-1)
        import tensorflow as tf

        return tf.nn.conv2d(inputs, ops.convert_to_tensor(self.kernel), strides=1, padding="SAME")
