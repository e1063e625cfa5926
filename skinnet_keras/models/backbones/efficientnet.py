"""EfficientNet-B0 and -B3 of keras.applications with our normalisation and any stem width."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import keras

APPLICATIONS: dict[str, Callable[..., keras.Model]] = {
    "efficientnet_b0": keras.applications.EfficientNetB0,
    "efficientnet_b3": keras.applications.EfficientNetB3,
}
"""Backbones that keras.applications has weights for."""


def application(name: str, input_shape: tuple[int, int, int], weights: str | None) -> keras.Model:
    """The whole keras.applications model without its top, raw pixels in."""
    with warnings.catch_warnings():
        # "usually expects 1 or 3 input channels": a stem with more is what the paper asks for.
        warnings.filterwarnings("ignore", message=".*input channels.*")
        return APPLICATIONS[name](weights=weights, include_top=False, input_shape=input_shape)


def _build(name: str, input_shape: tuple[int, int, int]) -> keras.Model:
    """Everything after the application's own rescaling and normalisation."""
    base = application(name, input_shape, weights=None)
    own = next(x for x in base.layers if isinstance(x, keras.layers.Normalization))
    return keras.Model(own.output, base.output, name=name)


def efficientnet_b0(input_shape: tuple[int, int, int]) -> keras.Model:
    """EfficientNet-B0 from normalised (B, H, W, C) to features (B, H/32, W/32, 1280)."""
    return _build("efficientnet_b0", input_shape)


def efficientnet_b3(input_shape: tuple[int, int, int]) -> keras.Model:
    """EfficientNet-B3 from normalised (B, H, W, C) to features (B, H/32, W/32, 1536)."""
    return _build("efficientnet_b3", input_shape)
