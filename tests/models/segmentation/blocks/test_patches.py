from __future__ import annotations

import keras
import numpy as np

from skinnet_keras.models.segmentation.blocks.patches import (
    PatchGather,
    patch_expanding,
    patch_merging,
)


def test_pixels_of_a_patch_are_gathered_column_by_column():
    # Each pixel holds (row, column).
    rows, columns = np.meshgrid(np.arange(4.0), np.arange(4.0), indexing="ij")
    x = np.stack([rows, columns], axis=-1)[None]
    patches = np.asarray(PatchGather()(x))
    assert patches.shape == (1, 2, 2, 8)
    assert patches[0, 0, 0].reshape(4, 2).tolist() == [[0, 0], [1, 0], [0, 1], [1, 1]]
    assert patches[0, 1, 0].reshape(4, 2).tolist() == [[2, 0], [3, 0], [2, 1], [3, 1]]


def test_merging_normalises_before_the_reduction():
    inputs = keras.Input((4, 6, 3))
    model = keras.Model(inputs, patch_merging(inputs, "merge"))
    assert model.output_shape == (None, 2, 3, 6)
    assert model.get_layer("merge_norm").gamma.shape == (12,)
    assert model.get_layer("merge_reduction").bias is None


def test_expanding_lays_out_rows_then_columns():
    inputs = keras.Input((1, 1, 2))
    model = keras.Model(inputs, patch_expanding(inputs, "up"))
    # Output channel pairs (n, -n) survive the layer normalisation as their sign.
    kernel = np.zeros((2, 8), "float32")
    kernel[0] = [1, -1, -1, 1, 1, -1, 1, -1]
    model.get_layer("up_expand").set_weights([kernel])
    y = np.asarray(model(np.array([[[[1.0, 0.0]]]], "float32")))
    np.testing.assert_allclose(y[0, :, :, 0], [[1, -1], [1, 1]], atol=1e-4)
    assert model.get_layer("up_expand_norm").gamma.shape == (2,)
