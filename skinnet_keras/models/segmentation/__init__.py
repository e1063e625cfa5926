"""Segmentation networks: name -> builder from raw pixels to mask logits."""

from __future__ import annotations

from collections.abc import Callable

import keras

from skinnet_keras.models.segmentation.attention_r2_unet import attention_r2_unet
from skinnet_keras.models.segmentation.attention_unet import attention_unet
from skinnet_keras.models.segmentation.dcsau_net import dcsau_net
from skinnet_keras.models.segmentation.malunet import malunet
from skinnet_keras.models.segmentation.missformer import missformer
from skinnet_keras.models.segmentation.r2_unet import r2_unet
from skinnet_keras.models.segmentation.split_attention_unet import split_attention_unet
from skinnet_keras.models.segmentation.transception import transception
from skinnet_keras.models.segmentation.transdeeplab import transdeeplab
from skinnet_keras.models.segmentation.transfuse import transfuse
from skinnet_keras.models.segmentation.transunet import transunet
from skinnet_keras.models.segmentation.unet import unet

SEGMENTERS: dict[str, Callable[..., keras.Model]] = {
    "unet": unet,
    "r2_unet": r2_unet,
    "attention_unet": attention_unet,
    "attention_r2_unet": attention_r2_unet,
    "missformer": missformer,
    "transception": transception,
    "transdeeplab": transdeeplab,
    "transunet": transunet,
    "dcsau_net": dcsau_net,
    "malunet": malunet,
    "transfuse": transfuse,
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
