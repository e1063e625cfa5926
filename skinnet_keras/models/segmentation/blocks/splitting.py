"""Cutting a tensor into pieces of given sizes."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class Split(keras.layers.Layer):
    """Cut a tensor along one axis, the inverse of `Concatenate`.

    Args:
        sizes: Length of each piece; together the length of the axis.
        axis: Axis to cut, not the batch.

    Input: (B, ...). Output: a list of tensors, one for each size.

    Raises:
        ValueError: The sizes do not sum to the length of the axis.
    """

    def __init__(self, sizes: Sequence[int], axis: int = -1, **kwargs):
        super().__init__(**kwargs)
        self.sizes = tuple(int(size) for size in sizes)
        self.axis = int(axis)

    def build(self, input_shape):
        if input_shape[self.axis] != sum(self.sizes):
            raise ValueError(
                f"Split: the sizes {self.sizes} sum to {sum(self.sizes)}, but axis {self.axis} of "
                f"{tuple(input_shape)} has length {input_shape[self.axis]}."
            )
        super().build(input_shape)

    def call(self, inputs):
        return ops.split(inputs, list(accumulate(self.sizes))[:-1], axis=self.axis)

    def compute_output_shape(self, input_shape):
        shapes = []
        for size in self.sizes:
            shape = list(input_shape)
            shape[self.axis] = size
            shapes.append(tuple(shape))
        return shapes

    def get_config(self):
        return {**super().get_config(), "sizes": self.sizes, "axis": self.axis}
