"""Segmentation networks: name -> builder from raw pixels to mask logits."""

from __future__ import annotations

from collections.abc import Callable

import keras

from skinnet_keras.models.segmentation.split_attention_unet import split_attention_unet

SEGMENTERS: dict[str, Callable[..., keras.Model]] = {
    "split_attention_unet": split_attention_unet,
}


def build_segmenter(
    name: str, *, image_size: int = 224, num_classes: int = 1, **arguments
) -> keras.Model:
    """Build a segmentation network with fresh weights.

    Args:
        name: A name in `SEGMENTERS`.
        image_size: Side S of the square image.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        **arguments: The network's own arguments (widths, ...), see its builder.

    Returns:
        A model from `image`, float32 (B, S, S, C) raw 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: Unknown name (the message lists the known ones) or impossible size.
    """
    if name not in SEGMENTERS:
        raise ValueError(f"unknown segmenter {name!r}: choose one of {list(SEGMENTERS)}.")
    return SEGMENTERS[name](image_size=image_size, num_classes=num_classes, **arguments)
