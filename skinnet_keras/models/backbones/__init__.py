"""Image backbones: name -> builder from normalised pixels to a feature map."""

from __future__ import annotations

from collections.abc import Callable

import keras

from skinnet_keras.models.backbones.efficientnet import efficientnet_b0, efficientnet_b3
from skinnet_keras.models.backbones.efficientnet_lite import (
    efficientnet_lite0,
    efficientnet_lite0_075,
)
from skinnet_keras.models.backbones.mbconv_tiny import mbconv_tiny

BACKBONES: dict[str, Callable[[tuple[int, int, int]], keras.Model]] = {
    "efficientnet_b0": efficientnet_b0,
    "efficientnet_b3": efficientnet_b3,
    "efficientnet_lite0": efficientnet_lite0,
    "efficientnet_lite0_075": efficientnet_lite0_075,
    "mbconv_tiny": mbconv_tiny,
}


def build_backbone(name: str, input_shape: tuple[int, int, int]) -> keras.Model:
    """Build a backbone with fresh weights.

    Args:
        name: A name in `BACKBONES`.
        input_shape: (H, W, C) of its input, which is already normalised.

    Returns:
        A model named `name` from float32 (B, H, W, C) to a feature map (B, h, w, F).

    Raises:
        ValueError: Unknown name; the message lists the known ones.
    """
    if name not in BACKBONES:
        raise ValueError(f"unknown backbone {name!r}: choose one of {list(BACKBONES)}.")
    return BACKBONES[name](input_shape)
