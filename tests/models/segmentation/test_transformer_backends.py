"""TransUNet and TransDeepLab under mixed precision, in TFLite and on JAX."""

from __future__ import annotations

import importlib.util
import math

import keras
import numpy as np
import pytest

from segmenter_parity import images, jax_logits, keras_logits, lively, tflite_logits
from skinnet_keras.models import build_segmenter

# Windows of two pixels in TransDeepLab at 64, so that some of them are shifted.
REDUCED = {
    "transunet": {
        "image_size": 64,
        "width": 32,
        "units": (1, 1, 1),
        "hidden_size": 24,
        "depth": 1,
        "num_heads": 2,
        "mlp_dim": 48,
        "decoder_widths": (16, 8, 8, 4, 4),
    },
    "transdeeplab": {"image_size": 64, "width": 12, "depths": (1, 1, 1), "last_depth": 2},
}


@pytest.mark.parametrize("name", REDUCED)
def test_tflite_gives_keras_s_logits_with_built_in_operators(name, tmp_path):
    model = lively(name, **REDUCED[name])
    pixels = images(model)
    logits = tflite_logits(model, pixels, tmp_path / "m.tflite")
    np.testing.assert_allclose(logits, keras_logits(model, pixels), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", REDUCED)
def test_tflite_at_full_size(name, tmp_path):
    keras.utils.set_random_seed(0)
    model = build_segmenter(name)
    # Noise of the kernels' own size: `lively`'s makes the logits of networks this wide explode.
    generator = np.random.default_rng(0)
    for weight in model.weights:
        scale = 0.1 if len(weight.shape) == 1 else math.prod(weight.shape[:-1]) ** -0.5
        weight.assign_add(generator.normal(0.0, scale, weight.shape))
    pixels = images(model)
    logits = tflite_logits(model, pixels, tmp_path / "m.tflite")
    np.testing.assert_allclose(logits, keras_logits(model, pixels), atol=1e-4)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
@pytest.mark.parametrize("name", REDUCED)
def test_jax_gives_tensorflow_s_logits(name, tmp_path):
    model = lively(name, **REDUCED[name])
    pixels = images(model)
    logits = jax_logits(model, pixels, tmp_path, **REDUCED[name])
    np.testing.assert_allclose(logits, keras_logits(model, pixels), atol=1e-4)


@pytest.mark.parametrize("name", REDUCED)
def test_logits_are_float32_and_close_in_mixed_precision(name):
    model = lively(name, **REDUCED[name])
    pixels = images(model)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = lively(name, **REDUCED[name])
    finally:
        keras.config.set_dtype_policy("float32")
    assert mixed.output["mask_logits"].dtype == "float32"
    expected, logits = keras_logits(model, pixels), keras_logits(mixed, pixels)
    assert np.abs(logits - expected).mean() < 0.05 * expected.std()
