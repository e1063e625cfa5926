"""Bilinear up-sampling with aligned corners, which Keras's own up-sampling does not have."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


def align_corners_matrix(n_in: int, n_out: int) -> np.ndarray:
    """Build the linear interpolation of one axis, first and last sample staying in place.

    Output sample i lies at the source coordinate `i * (n_in - 1) / (n_out - 1)`.

    Args:
        n_in: Samples of the source axis, 1 at least.
        n_out: Samples of the target axis, 1 at least.

    Returns:
        float64 (n_out, n_in), every row sums to 1.
    """
    position = np.linspace(0.0, n_in - 1.0, n_out)
    distance = np.abs(position[:, None] - np.arange(n_in)[None, :])
    return np.maximum(0.0, 1.0 - distance)


@keras.saving.register_keras_serializable("skinnet_keras")
class AlignCornersUpsampling(keras.layers.Layer):
    """Bilinear up-sampling that keeps the corner pixels in place (`align_corners=True`).

    `UpSampling2D(interpolation="bilinear")` takes pixels as squares instead (half-pixel
    centres): another result everywhere. TensorFlow has a kernel for it, which TFLite and ONNX
    know too and which is ten times faster than matrices; it knows the source coordinates to
    about 1e-5 of a pixel. Elsewhere it is one matrix product an axis.

    Args:
        size: Factor by which height and width grow, 1 at least.
        exact: Whether to take the matrices on TensorFlow too. Worth it for maps of few channels
            that are an output: steep logits show the kernel's rounding.

    Input: float (B, H, W, C), H and W static. Output: float (B, size * H, size * W, C).

    Raises:
        ValueError: `size` is below 1, or height or width of the input is unknown.
    """

    def __init__(self, size: int = 2, *, exact: bool = False, **kwargs):
        super().__init__(**kwargs)
        if size < 1:
            raise ValueError(f"AlignCornersUpsampling: size must be 1 or more, got {size}.")
        self.size = int(size)
        self.exact = bool(exact)

    def build(self, input_shape):
        if None in input_shape[1:]:
            raise ValueError(
                "AlignCornersUpsampling needs an input of known height, width and channels, "
                f"got shape {tuple(input_shape)}."
            )
        super().build(input_shape)

    def call(self, inputs):
        if self.exact or keras.backend.backend() != "tensorflow":
            return self._by_matrices(inputs)
        return self._by_kernel(inputs)

    def _by_kernel(self, inputs):
        import tensorflow as tf

        _, height, width, _ = inputs.shape
        outputs = tf.raw_ops.ResizeBilinear(
            images=inputs, size=(self.size * height, self.size * width), align_corners=True
        )
        return tf.cast(outputs, inputs.dtype)  # the kernel answers in float32

    def _by_matrices(self, inputs):
        _, height, width, channels = inputs.shape
        new_height, new_width = self.size * height, self.size * width
        rows = ops.cast(align_corners_matrix(height, new_height), inputs.dtype)
        columns = ops.cast(align_corners_matrix(width, new_width), inputs.dtype)
        x = ops.matmul(rows, ops.reshape(inputs, (-1, height, width * channels)))
        x = ops.matmul(columns, ops.reshape(x, (-1, width, channels)))
        return ops.reshape(x, (-1, new_height, new_width, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return batch, self.size * height, self.size * width, channels

    def get_config(self):
        return {**super().get_config(), "size": self.size, "exact": self.exact}
