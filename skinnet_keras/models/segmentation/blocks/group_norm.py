"""Group normalisation of feature maps whose statistics stay exact on large maps."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class GroupNorm2D(keras.layers.Layer):
    """Group normalisation (Wu and He, ECCV 2018, arXiv:1803.08494) of feature maps.

    The mathematics and the weights of `keras.layers.GroupNormalization`. That layer averages
    height, width and channels in one go, by which TensorFlow on a CPU loses two of float32's
    seven digits on a single image of 224x224; here the means are taken axis by axis.

    Args:
        groups: Groups of consecutive channels that share a mean and a variance.
        epsilon: Added to the variance.

    Input: float (B, H, W, C), C a multiple of `groups`. Output: the same shape.

    Raises:
        ValueError: The channels cannot be cut into `groups` groups.
    """

    def __init__(self, groups: int, epsilon: float = 1e-5, **kwargs):
        super().__init__(**kwargs)
        self.groups = int(groups)
        self.epsilon = float(epsilon)

    def build(self, input_shape):
        channels = input_shape[-1]
        if channels % self.groups:
            raise ValueError(
                f"GroupNorm2D: {channels} channels cannot be cut into {self.groups} groups."
            )
        self.gamma = self.add_weight(shape=(channels,), initializer="ones", name="gamma")
        self.beta = self.add_weight(shape=(channels,), initializer="zeros", name="beta")

    def call(self, inputs):
        x = ops.cast(inputs, "float32")
        x = x - self._group_mean(x)
        scale = ops.rsqrt(self._group_mean(ops.square(x)) + self.epsilon)
        x = x * (scale * ops.cast(self.gamma, "float32")) + ops.cast(self.beta, "float32")
        return ops.cast(x, self.compute_dtype)

    def _group_mean(self, x):
        """Mean of every group, (B, H, W, C) to (B, 1, 1, C)."""
        channels = x.shape[-1]
        mean = ops.mean(ops.mean(x, axis=1), axis=1)
        mean = ops.mean(ops.reshape(mean, (-1, self.groups, channels // self.groups)), axis=2)
        return ops.reshape(ops.repeat(mean, channels // self.groups, axis=1), (-1, 1, 1, channels))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "groups": self.groups, "epsilon": self.epsilon}
