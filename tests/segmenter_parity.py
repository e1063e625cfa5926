"""Segmentation networks whose outputs vary, and how close two runs of one have to be."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import keras
import numpy as np

from skinnet_keras.models import build_segmenter


class Network(NamedTuple):
    """A network that can be compared with itself elsewhere.

    Attributes:
        name: Its name in the registry.
        arguments: The arguments it was built with.
        model: The model.
        pixels: float32 (2, S, S, C) in 0..255.
        outputs: Name -> float32 logits (2, S, S, num_classes) that it gives for these pixels.
    """

    name: str
    arguments: dict[str, Any]
    model: keras.Model
    pixels: np.ndarray
    outputs: dict[str, np.ndarray]


def lively_network(name: str, **arguments) -> Network:
    """Build a network and run it, checking that its logits vary enough for comparisons."""
    model = lively(name, **arguments)
    pixels = images(model)
    outputs = model({"image": pixels}, training=False)
    outputs = {output: np.asarray(logits) for output, logits in outputs.items()}
    for output, logits in outputs.items():
        # Within every image and between the two; large, equal logits would hide any error.
        enough = max(0.05 * np.abs(logits).max(), 0.05)
        assert logits.std(axis=(1, 2)).min() > enough, output
        assert np.abs(logits[0] - logits[1]).mean() > enough, output
    return Network(name, arguments, model, pixels, outputs)


def lively(name: str, **arguments) -> keras.Model:
    """Build a network whose logits vary with the pixels, which those of a fresh one hardly do.

    Kernels get noise of 1 / sqrt(fan-in), which neither dies out nor explodes from layer to
    layer however wide the network is; biases, scales and shifts get noise of 0.1. Batch
    normalisation takes its statistics from a few images.
    """
    keras.utils.set_random_seed(0)
    model = build_segmenter(name, **arguments)
    generator = np.random.default_rng(0)
    for layer in model.layers:
        depthwise = isinstance(layer, keras.layers.DepthwiseConv2D)
        for weight in layer.trainable_weights:
            fan_in = math.prod(weight.shape[:2] if depthwise else weight.shape[:-1])
            scale = 0.1 if len(weight.shape) == 1 else fan_in**-0.5
            weight.assign_add(generator.normal(0.0, scale, weight.shape))
    _take_statistics(model, images(model, 4))
    return model


def _take_statistics(model: keras.Model, pixels: np.ndarray) -> None:
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.momentum = 0.0
    if norms:
        model({"image": pixels}, training=True)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


def images(model: keras.Model, count: int = 2) -> np.ndarray:
    """Make pixels for the input `image`: coarse and fine blocks and noise, no two images alike.

    Args:
        model: A network with a square input of even size.
        count: Number of images; the first ones are always the same.

    Returns:
        float32 (count, S, S, C) in 0..255.
    """
    size, _, channels = model.input["image"].shape[1:]
    generator = np.random.default_rng(1)
    pixels = np.zeros((count, size, size, channels), "float32")
    for image in pixels:
        for side in (size, size // 2, 8, 1):
            blocks = -(-size // side)
            values = generator.uniform(0.0, 255.0 / 4.0, (blocks, blocks, channels))
            image += values.repeat(side, axis=0).repeat(side, axis=1)[:size, :size]
    return pixels


def assert_same_outputs(
    actual: dict[str, np.ndarray], expected: dict[str, np.ndarray], tolerance: float
) -> None:
    """Check that two runs agree in every output.

    Args:
        actual: Name -> logits.
        expected: Name -> logits.
        tolerance: Largest difference, as a part of the range of an output's logits: their scale
            is arbitrary, and rounding errors grow with it.
    """
    assert set(actual) == set(expected)
    for name, logits in expected.items():
        error = np.abs(actual[name] - logits).max() / np.ptp(logits)
        assert error <= tolerance, f"{name} is off by {error:.1e} of its range"
