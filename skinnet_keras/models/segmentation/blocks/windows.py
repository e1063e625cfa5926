"""Square windows of a feature map, plain or cyclically shifted (Swin, arXiv:2103.14030)."""

from __future__ import annotations

import keras
import numpy as np
from keras import ops


def cyclic_shift(x, shift: int):
    """Roll height and width of a map (B, H, W, C) backwards by `shift` pixels.

    Slices and concatenations: `roll` is not built into TFLite.
    """
    if shift == 0:
        return x
    x = ops.concatenate([x[:, shift:], x[:, :shift]], axis=1)
    return ops.concatenate([x[:, :, shift:], x[:, :, :shift]], axis=2)


def partition(x, window: int):
    """Cut a map (B, H, W, C) into windows (B * windows, window², C), row by row."""
    width, channels = x.shape[2:]
    # Whole pixel runs of a window move together, which keeps the tensors at rank 4.
    x = ops.reshape(x, (-1, window, width // window, window * channels))
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, window * window, channels))


def reverse_partition(x, window: int, height: int, width: int):
    """Put windows (B * windows, window², C) back into the map (B, height, width, C)."""
    channels = x.shape[-1]
    x = ops.reshape(x, (-1, width // window, window, window * channels))
    x = ops.transpose(x, (0, 2, 1, 3))
    return ops.reshape(x, (-1, height, width, channels))


def relative_position_index(window: int) -> np.ndarray:
    """Row of the bias table for each pair of pixels of a window.

    Args:
        window: Side of the window, w.

    Returns:
        int32 (w², w²): the offset from pixel j to pixel i, its rows and columns counted from
        -(w - 1), as one number in 0..(2w - 1)² - 1.
    """
    rows, columns = np.divmod(np.arange(window * window), window)
    row_offset = rows[:, None] - rows[None, :] + window - 1
    column_offset = columns[:, None] - columns[None, :] + window - 1
    return (row_offset * (2 * window - 1) + column_offset).astype("int32")


def shifted_window_mask(grid: int, window: int, shift: int) -> np.ndarray:
    """Mask between pixels that only the cyclic shift brought together.

    Args:
        grid: Side of the square map.
        window: Side of the windows; divides `grid`.
        shift: Pixels of the cyclic shift, 1..window - 1.

    Returns:
        float32 (windows, window², window²), added to the attention scores: 0 between pixels that
        were neighbours before the shift, -100 between others.
    """
    # Along one axis: pixels before the last window, in it, and those rolled in from the start.
    band = np.repeat([0, 1, 2], [grid - window, window - shift, shift])
    count = grid // window
    region = (3 * band[:, None] + band[None, :]).reshape(count, window, count, window)
    region = region.transpose(0, 2, 1, 3).reshape(count**2, window**2)
    return np.where(region[:, :, None] == region[:, None, :], 0.0, -100.0).astype("float32")


class _Windows(keras.layers.Layer):
    def __init__(self, window: int, shift: int = 0, **kwargs):
        super().__init__(**kwargs)
        self.window = int(window)
        self.shift = int(shift)

    def get_config(self):
        return {**super().get_config(), "window": self.window, "shift": self.shift}


@keras.saving.register_keras_serializable("skinnet_keras")
class WindowPartition(_Windows):
    """Shift a map cyclically, then cut it into windows of tokens.

    Args:
        window: Side w of the windows; divides height and width.
        shift: Pixels by which the map is rolled up and to the left first.

    Input: float (B, H, W, C), H, W and C static. Output: float (B * (H/w) * (W/w), w², C).
    """

    def call(self, inputs):
        return partition(cyclic_shift(inputs, self.shift), self.window)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        count = (height // self.window) * (width // self.window)
        return None if batch is None else batch * count, self.window**2, channels


@keras.saving.register_keras_serializable("skinnet_keras")
class WindowReverse(_Windows):
    """Put windows of tokens back into a square map, then undo the cyclic shift.

    The inverse of `WindowPartition` with the same window and shift.

    Args:
        grid: Side of the map.
        window: Side w of the windows; divides `grid`.
        shift: Pixels by which the map had been rolled.

    Input: float (B * (grid/w)², w², C). Output: float (B, grid, grid, C).
    """

    def __init__(self, grid: int, window: int, shift: int = 0, **kwargs):
        super().__init__(window, shift, **kwargs)
        self.grid = int(grid)

    def call(self, inputs):
        x = reverse_partition(inputs, self.window, self.grid, self.grid)
        return cyclic_shift(x, -self.shift)

    def compute_output_shape(self, input_shape):
        count = (self.grid // self.window) ** 2
        batch = None if input_shape[0] is None else input_shape[0] // count
        return batch, self.grid, self.grid, input_shape[-1]

    def get_config(self):
        return {**super().get_config(), "grid": self.grid}
