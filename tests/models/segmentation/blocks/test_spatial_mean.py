"""The mean over a feature map."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.export.tflite import write_tflite
from skinnet_keras.inference.tflite_runner import TFLiteRunner
from skinnet_keras.models.segmentation.blocks.spatial_mean import SpatialMean


@pytest.fixture(scope="module")
def maps():
    return np.random.default_rng(0).exponential(1.0, (1, 224, 224, 8)).astype("float32")


def test_it_is_the_mean_over_both_axes(maps):
    layer = SpatialMean()
    assert layer.compute_output_shape((None, 5, 7, 3)) == (None, 3)
    exact = maps.mean(axis=(1, 2), dtype="float64")
    np.testing.assert_allclose(layer(maps), exact, rtol=1e-6)
    np.testing.assert_allclose(layer(maps[:, :3, :5]), maps[:, :3, :5].mean(axis=(1, 2)), rtol=1e-6)


def test_tflite_rounds_less_than_over_all_pixels_at_once(maps, tmp_path):
    def error(layer):
        pixels = keras.Input(maps.shape[1:], name="image")
        model = keras.Model({"image": pixels}, {"mean": layer(pixels)})
        write_tflite(model, tmp_path / "mean.tflite", precision="float32")
        mean = TFLiteRunner(tmp_path / "mean.tflite").predict({"image": maps})["mean"]
        return np.abs(mean / maps.mean(axis=(1, 2), dtype="float64") - 1).max()

    assert error(SpatialMean()) < error(keras.layers.GlobalAveragePooling2D()) / 3
