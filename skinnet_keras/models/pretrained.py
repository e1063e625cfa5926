"""Load pretrained weights into the backbones of a model that was built with fresh ones.

Building and loading are two steps on purpose: the graph never depends on where its weights came
from. `keras.applications` weights (downloaded, or a local no-top file) go layer by layer, by
name, into our graph; a stem with more than three channels keeps the RGB kernels and starts each
extra channel as their mean (paper, "modified" EfficientNet).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path

import keras
import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.models.backbones import BACKBONES
from skinnet_keras.models.backbones.efficientnet import APPLICATIONS, application
from skinnet_keras.models.loading import load_keras


def initialize_backbones(model: keras.Model, weights: str) -> list[str]:
    """Load weights into every backbone of a SkinNet.

    Args:
        model: A SkinNet as `build_skinnet` made it.
        weights: `"none"` (leave the fresh ones), `"imagenet"` (keras.applications' download),
            a `.keras` file of ours that holds a backbone of the same name, or a
            keras.applications no-top file (`.h5`, `.weights.h5`) for the one backbone it fits.

    Returns:
        The names of the backbones that were loaded.

    Raises:
        UserError: The download failed, the file is missing or does not fit.
    """
    if weights == "none":
        return []
    loaded = []
    for backbone in _backbones(model):
        source = _source(backbone, weights)
        if source is not None:
            copy_weights(source, backbone)
            loaded.append(backbone.name)
    if not loaded:
        names = [backbone.name for backbone in _backbones(model)]
        raise UserError(f"weights: {weights} holds none of this model's backbones {names}.")
    return loaded


def copy_weights(source: keras.Model, target: keras.Model) -> None:
    """Copy weights between two builds of a backbone, widening the stem where needed.

    Args:
        source: A model with layers of the target's names (others are ignored).
        target: The backbone to fill.

    Raises:
        UserError: A layer is missing in `source` or has another shape.
    """
    by_name = {layer.name: layer for layer in source.layers}
    for layer in target.layers:
        if not layer.weights:
            continue
        if layer.name not in by_name:
            raise UserError(f"the weights hold no layer {layer.name!r} of {target.name}.")
        values = [
            _widened(value, tuple(weight.shape))
            for value, weight in zip(by_name[layer.name].get_weights(), layer.weights, strict=True)
        ]
        try:
            layer.set_weights(values)
        except ValueError as error:
            raise UserError(
                f"the weights of layer {layer.name!r} do not fit {target.name}: {error}"
            ) from error


def _backbones(model: keras.Model) -> Iterator[keras.Model]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            if architecture(layer) in BACKBONES:
                yield layer
            else:
                yield from _backbones(layer)


def architecture(backbone: keras.Model) -> str:
    """The name in `BACKBONES` of a SkinNet's backbone (v4's second one is `lesion_<name>`)."""
    return backbone.name.removeprefix("lesion_")


def _widened(value: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """A stem kernel (k, k, 3, F) for (k, k, 3 + n, F): extra channels start as the RGB mean."""
    extra = shape[2] - value.shape[2] if value.ndim == len(shape) == 4 else 0
    if value.ndim != 4 or value.shape[2] != 3 or extra <= 0:
        return value
    mean = value.mean(axis=2, keepdims=True)
    return np.concatenate([value, np.repeat(mean, extra, axis=2)], axis=2)


def _source(backbone: keras.Model, weights: str) -> keras.Model | None:
    """The model to copy from, or None when the file holds no backbone of this name."""
    name = architecture(backbone)
    if Path(weights).suffix == ".keras":
        model = load_keras(Path(weights))
        # The same place in the network first, then the same architecture anywhere.
        candidates = sorted(_backbones(model), key=lambda x: x.name != backbone.name)
        return next((x for x in candidates if architecture(x) == name), None)
    if name not in APPLICATIONS:
        raise UserError(f"weights: {weights}: backbone {name} has no such weights.")
    shape = (*backbone.input_shape[1:3], 3)
    if weights == "imagenet":
        try:
            return application(name, shape, weights="imagenet")
        except Exception as error:  # keras.utils.get_file raises plain Exception
            raise UserError(
                f"weights: imagenet could not be downloaded for {name} "
                f"({str(error).splitlines()[0][:120]}): set weights to a local file or to none."
            ) from error
    if not Path(weights).is_file():
        raise UserError(f"weights: {weights} is not a file: give a file, imagenet or none.")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Keras lists every layer the file does not hold.
            return application(name, shape, weights=weights)
    except (ValueError, OSError):
        return None  # Another backbone's file (v4 has two).
