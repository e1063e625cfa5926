from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.windows import (
    WindowPartition,
    WindowReverse,
    cyclic_shift,
    relative_position_index,
    shifted_window_mask,
)

MAP = np.arange(16, dtype="float32").reshape(1, 4, 4, 1)  # Pixels numbered row by row.


def test_windows_are_cut_row_by_row():
    windows = np.asarray(WindowPartition(2)(MAP))
    assert windows.shape == (4, 4, 1)
    assert windows[..., 0].tolist() == [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
        [8, 9, 12, 13],
        [10, 11, 14, 15],
    ]


def test_shifted_windows_start_one_pixel_further_and_wrap():
    windows = np.asarray(WindowPartition(2, shift=1)(MAP))[..., 0]
    assert windows[0].tolist() == [5, 6, 9, 10]
    assert windows[3].tolist() == [15, 12, 3, 0]


@pytest.mark.parametrize("shift", [0, 1, 2])
def test_reverse_undoes_partition(shift):
    x = np.random.default_rng(0).normal(size=(2, 6, 6, 5)).astype("float32")
    windows = WindowPartition(3, shift)(x)
    assert windows.shape == (8, 9, 5)
    np.testing.assert_array_equal(WindowReverse(6, 3, shift)(windows), x)


@pytest.mark.parametrize("shift", [-2, 0, 3])
def test_cyclic_shift_is_a_roll(shift):
    x = np.random.default_rng(0).normal(size=(2, 6, 8, 3)).astype("float32")
    np.testing.assert_array_equal(cyclic_shift(x, shift), np.roll(x, (-shift, -shift), (1, 2)))


@pytest.mark.parametrize("batch", [None, 2])
def test_shapes_are_known_before_the_data(batch):
    windows = WindowPartition(2, 1).compute_output_shape((batch, 4, 6, 3))
    assert windows == (None if batch is None else 12, 4, 3)
    back = WindowReverse(4, 2, 1).compute_output_shape((batch and 8, 4, 3))
    assert back == (batch, 4, 4, 3)


def test_relative_position_index_of_a_2x2_window():
    # Rows of a 3x3 table: offsets (-1,-1) (-1,0) (-1,1) (0,-1) (0,0) ...
    assert relative_position_index(2).tolist() == [
        [4, 3, 1, 0],
        [5, 4, 2, 1],
        [7, 6, 4, 3],
        [8, 7, 5, 4],
    ]


def test_mask_separates_what_only_the_shift_brought_together():
    mask = shifted_window_mask(grid=4, window=2, shift=1)
    assert mask.shape == (4, 4, 4)
    assert not mask[0].any()
    # Right edge: the left column of the window against the column rolled in from the left.
    apart = mask[1] < 0
    assert apart.tolist() == [
        [False, True, False, True],
        [True, False, True, False],
        [False, True, False, True],
        [True, False, True, False],
    ]
    # Corner: four pixels from the four corners of the map.
    np.testing.assert_array_equal(mask[3], 100.0 * np.eye(4) - 100.0)


@pytest.mark.parametrize(("grid", "window", "shift"), [(6, 3, 1), (14, 7, 3), (8, 4, 2)])
def test_mask_is_where_pixels_were_at_another_distance_before(grid, window, shift):
    mask = shifted_window_mask(grid, window, shift)
    rows, columns = np.divmod(np.arange(grid * grid, dtype="float32"), grid)
    position = np.stack([rows, columns], axis=-1).reshape(1, grid, grid, 2)
    windows = np.asarray(WindowPartition(window, shift)(position))
    before = windows[:, :, None] - windows[:, None, :]
    inside = np.stack(np.divmod(np.arange(window**2), window), axis=-1)
    after = inside[:, None] - inside[None, :]
    np.testing.assert_array_equal(mask < 0, (before != after).any(axis=-1))
