"""Stochastic depth: in training, residual branches are dropped sample by sample."""

from __future__ import annotations

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class DropPath(keras.layers.Layer):
    """Drop a residual branch for whole samples (stochastic depth, arXiv:1603.09382).

    Put it at the end of a branch, before the addition. In training each sample of the batch is
    set to zero with probability `rate`, the others are divided by `1 - rate`; in inference the
    layer is the identity.

    Args:
        rate: Probability of dropping a sample, in [0, 1).
        seed: Seed of the draws.

    Input: float (B, ...), of any rank. Output: the same shape.

    Raises:
        ValueError: `rate` is outside [0, 1).
    """

    def __init__(self, rate: float, seed: int | None = None, **kwargs):
        super().__init__(**kwargs)
        if not 0.0 <= rate < 1.0:
            raise ValueError(f"DropPath: rate must be in [0, 1), got {rate}.")
        self.rate = float(rate)
        self.seed = seed
        self.seed_generator = keras.random.SeedGenerator(seed)

    def call(self, inputs, training=False):
        if not training or self.rate == 0.0:
            return inputs
        keep = 1.0 - self.rate
        shape = (ops.shape(inputs)[0],) + (1,) * (len(inputs.shape) - 1)
        draws = keras.random.uniform(shape, seed=self.seed_generator)  # float32: exact rate
        kept = ops.cast(draws < keep, inputs.dtype)
        return inputs * (kept / keep)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "rate": self.rate, "seed": self.seed}
