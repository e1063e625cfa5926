"""Logits of one segmentation network from Keras, from TFLite and on the JAX backend."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from skinnet_keras.models import build_segmenter


def lively(name: str, **arguments: Any) -> keras.Model:
    """Build a network whose logits vary over the image, which those of a fresh one hardly do."""
    keras.utils.set_random_seed(0)
    model = build_segmenter(name, **arguments)
    generator = np.random.default_rng(0)
    for weight in model.weights:
        if weight.path.endswith("moving_variance"):
            weight.assign(generator.uniform(0.5, 1.5, weight.shape))
        else:
            weight.assign_add(generator.normal(0, 0.1, weight.shape))
    return model


def images(model: keras.Model, count: int = 2) -> np.ndarray:
    """Make random pixels for the input `image`: float32 (count, S, S, C) in 0..255."""
    shape = model.input["image"].shape[1:]
    return np.random.default_rng(1).uniform(0, 255, (count, *shape)).astype("float32")


def keras_logits(model: keras.Model, pixels: np.ndarray) -> np.ndarray:
    """Run the network here, checking that its logits vary enough for a comparison to count."""
    logits = np.asarray(model({"image": pixels}, training=False)["mask_logits"])
    assert logits.std(axis=(1, 2)).min() > 0.01
    assert np.abs(logits[0] - logits[1]).mean() > 0.01
    return logits


def tflite_logits(model: keras.Model, pixels: np.ndarray, path: Path) -> np.ndarray:
    """Convert with built-in operators only and run the file."""
    from skinnet_keras.export.runners import TFLiteRunner
    from skinnet_keras.export.tflite import custom_operators, write_tflite

    write_tflite(model, path, precision="float32")
    assert custom_operators(path.read_bytes()) == []
    return TFLiteRunner(path).predict({"image": pixels})["mask_logits"]


_ON_JAX = """
import json
import sys
import jax
import keras
import numpy as np
from skinnet_keras.models import build_segmenter

assert keras.backend.backend() == "jax"
name, folder, arguments = sys.argv[1:]
# Shapes only: drawing the fresh weights, which nobody needs, takes longer than all the rest.
with keras.StatelessScope(initialize_variables=False):
    model = build_segmenter(name, **json.loads(arguments))


@jax.jit
def run(weights, pixels):
    count = len(model.trainable_variables)
    outputs, _ = model.stateless_call(
        weights[:count], weights[count:], {"image": pixels}, training=False
    )
    return outputs["mask_logits"]


weights = list(np.load(f"{folder}/weights.npz").values())
np.save(f"{folder}/logits.npy", run(weights, np.load(f"{folder}/pixels.npy")))
"""


def jax_logits(
    model: keras.Model, pixels: np.ndarray, folder: Path, **arguments: Any
) -> np.ndarray:
    """Rebuild the network on JAX in another process, with the same weights, and run it.

    Keras fixes its backend when it is imported. `arguments` are those of the builder.
    """
    weights = [*model.trainable_variables, *model.non_trainable_variables]
    np.savez(folder / "weights.npz", *(np.asarray(weight) for weight in weights))
    np.save(folder / "pixels.npy", pixels)
    done = subprocess.run(
        [sys.executable, "-c", _ON_JAX, model.name, str(folder), json.dumps(arguments)],
        env={**os.environ, "KERAS_BACKEND": "jax", "JAX_DISABLE_MOST_OPTIMIZATIONS": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return np.load(folder / "logits.npy")
