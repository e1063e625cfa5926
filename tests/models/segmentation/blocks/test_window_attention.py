from __future__ import annotations

import warnings

import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.window_attention import WindowAttention
from skinnet_keras.models.segmentation.blocks.windows import WindowPartition, WindowReverse

GRID, WINDOW = 4, 2


def _attend(x: np.ndarray, shift: int, heads: int = 2) -> np.ndarray:
    """Attention of a map (B, 4, 4, 3C) of queries, keys and values, back as a map (B, 4, 4, C)."""
    windows = WindowPartition(WINDOW, shift)(x)
    y = WindowAttention(heads, GRID, WINDOW, shift)(windows)
    return np.asarray(WindowReverse(GRID, WINDOW, shift)(y))


@pytest.mark.parametrize(
    ("shift", "reached"),
    [
        (0, {(0, 0), (0, 1), (1, 0), (1, 1)}),
        (1, {(1, 1), (1, 2), (2, 1), (2, 2)}),
    ],
)
def test_a_pixel_reaches_its_own_window_only(shift, reached):
    x = np.random.default_rng(0).normal(size=(1, GRID, GRID, 12)).astype("float32")
    changed = x.copy()
    changed[0, 1, 1] += 1.0
    difference = np.abs(_attend(changed, shift) - _attend(x, shift)).max(axis=(0, 3))
    # The bias tables of the two layers differ a little (0.02): a window's worth is far larger.
    moved = {(int(row), int(column)) for row, column in np.argwhere(difference > 0.1)}
    assert moved <= reached
    assert (1, 1) in moved


def test_the_corners_that_wrap_around_keep_to_themselves():
    x = np.random.default_rng(0).normal(size=(2, GRID, GRID, 12)).astype("float32")
    # Alone in its region, a pixel gets its own values back.
    for row, column in ((0, 0), (0, 3), (3, 0), (3, 3)):
        np.testing.assert_allclose(_attend(x, 1)[:, row, column], x[:, row, column, 8:], atol=1e-5)


def test_against_a_loop_over_heads_and_pixels():
    heads, width, window = 3, 6, 2
    generator = np.random.default_rng(0)
    qkv = generator.normal(size=(5, window**2, 3 * width))
    layer = WindowAttention(heads, window, window)
    layer.build(qkv.shape)
    table = generator.normal(size=(9, heads))
    layer.set_weights([table])
    pixels = [(row, column) for row in range(window) for column in range(window)]
    expected = np.zeros((5, window**2, width))
    for head in range(heads):
        q, k, v = (qkv[..., part * width + 2 * head :][..., :2] for part in range(3))
        for i, (row, column) in enumerate(pixels):
            bias = [table[3 * (row - r + 1) + (column - c + 1), head] for r, c in pixels]
            scores = np.einsum("bd,bjd->bj", q[:, i], k) / np.sqrt(2) + np.array(bias)
            weights = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
            expected[:, i, 2 * head : 2 * head + 2] = np.einsum("bj,bjd->bd", weights, v)
    np.testing.assert_allclose(layer(qkv.astype("float32")), expected, atol=1e-5)


def test_windows_of_one_pixel_pass_their_values_without_a_warning():
    qkv = np.random.default_rng(0).normal(size=(4, 1, 6)).astype("float32")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(WindowAttention(2, 2, 1)(qkv), qkv[..., 4:], rtol=1e-6)


def test_round_trip_and_shape():
    layer = WindowAttention(3, 8, 4, 2)
    again = WindowAttention.from_config(layer.get_config())
    assert (again.num_heads, again.grid, again.window, again.shift) == (3, 8, 4, 2)
    assert again.compute_output_shape((None, 16, 36)) == (None, 16, 12)
