"""Full-size segmentation networks without the cost of their values, and their counts."""

from __future__ import annotations

import math

import keras

from skinnet_keras.models import build_segmenter


def build_shapes(name: str, **arguments) -> keras.Model:
    """Build a segmenter whose weights have shapes but no values: for counting only."""
    with keras.StatelessScope(initialize_variables=False):
        return build_segmenter(name, **arguments)


def trainable(model: keras.Model, *prefixes: str) -> int:
    """Count the trainable parameters of the layers whose names begin with one of `prefixes`."""
    return sum(
        math.prod(weight.shape)
        for layer in model.layers
        if not prefixes or layer.name.startswith(prefixes)
        for weight in layer.trainable_weights
    )
