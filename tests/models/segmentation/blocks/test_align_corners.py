from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.align_corners import (
    AlignCornersUpsampling,
    align_corners_matrix,
)


def test_matrix_of_three_to_six_by_hand():
    # Output i lies at source 2 i / 5.
    expected: list[list[float]] = [
        [1, 0, 0],
        [0.6, 0.4, 0],
        [0.2, 0.8, 0],
        [0, 0.8, 0.2],
        [0, 0.4, 0.6],
        [0, 0, 1],
    ]
    np.testing.assert_allclose(align_corners_matrix(3, 6), expected, atol=1e-12)


def test_matrix_of_one_sample_repeats_it():
    np.testing.assert_array_equal(align_corners_matrix(1, 4), np.ones((4, 1)))


def test_rows_of_a_large_matrix_sum_to_one():
    np.testing.assert_allclose(align_corners_matrix(14, 224).sum(axis=1), 1.0, atol=1e-12)


def test_one_row_of_pixels_by_hand():
    row = np.reshape(np.array([0, 10, 40], "float32"), (1, 1, 3, 1))
    up = np.asarray(AlignCornersUpsampling(2)(row))
    assert up.shape == (1, 2, 6, 1)
    for line in up[0, :, :, 0]:
        np.testing.assert_allclose(line, [0, 4, 8, 16, 28, 40], atol=1e-5)


def test_linear_ramp_stays_linear_and_keeps_its_corners():
    ramp = np.arange(5, dtype="float32")[:, None] + 10.0 * np.arange(7, dtype="float32")[None, :]
    up = np.asarray(AlignCornersUpsampling(4)(ramp[None, :, :, None]))[0, :, :, 0]
    expected = np.linspace(0, 4, 20)[:, None] + 10.0 * np.linspace(0, 6, 28)[None, :]
    np.testing.assert_allclose(up, expected, atol=1e-4)


@pytest.mark.parametrize("shape", [(2, 5, 7, 3), (1, 1, 1, 2), (3, 14, 14, 8)])
@pytest.mark.parametrize("size", [1, 2, 16])
def test_kernel_and_matrices_agree(shape, size):
    x = np.random.default_rng(0).normal(size=shape).astype("float32")
    layer = AlignCornersUpsampling(size)
    assert layer(x).shape == layer.compute_output_shape(shape)
    exact = AlignCornersUpsampling(size, exact=True)
    np.testing.assert_allclose(layer(x), exact(x), atol=2e-5)


def test_exact_is_exact_on_a_large_map():
    x = np.random.default_rng(0).normal(size=(1, 112, 112, 1)).astype("float32")
    matrix = align_corners_matrix(112, 224)
    expected = matrix @ x[0, :, :, 0].astype("float64") @ matrix.T
    up = np.asarray(AlignCornersUpsampling(2, exact=True)(x))[0, :, :, 0]
    np.testing.assert_allclose(up, expected, atol=2e-6)


def test_gradient_is_the_transposed_interpolation():
    tf = pytest.importorskip("tensorflow")
    x = tf.ones((1, 3, 3, 1))
    with tf.GradientTape() as tape:
        tape.watch(x)
        total = tf.reduce_sum(AlignCornersUpsampling(2)(x))
    column_sums = align_corners_matrix(3, 6).sum(axis=0)
    np.testing.assert_allclose(
        tape.gradient(total, x)[0, :, :, 0], np.outer(column_sums, column_sums), atol=1e-5
    )


def test_mixed_precision_keeps_its_dtype():
    layer = AlignCornersUpsampling(2, dtype="mixed_float16")
    assert layer(np.ones((1, 4, 4, 2), "float16")).dtype == "float16"


def test_impossible_arguments_are_refused():
    with pytest.raises(ValueError, match="size must be 1 or more"):
        AlignCornersUpsampling(0)
    with pytest.raises(ValueError, match="known height"):
        AlignCornersUpsampling()(keras.Input((None, None, 3)))


def test_config_round_trip():
    layer = AlignCornersUpsampling(4, exact=True, name="up")
    again = keras.layers.deserialize(keras.layers.serialize(layer))
    assert isinstance(again, AlignCornersUpsampling)
    assert (again.size, again.exact, again.name) == (4, True, "up")
