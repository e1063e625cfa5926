"""Dice and IoU of binary masks, in NumPy, per image and over the data set.

The two differ: the mean over images weighs every lesion alike, the pooled value every pixel.
Papers report either without saying which, so every score here carries it in its name.
"""

from __future__ import annotations

import numpy as np


def dice_per_image(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Dice coefficient 2|A and B| / (|A| + |B|) of every image.

    Args:
        predicted: bool or {0, 1} (N, H, W).
        true: bool or {0, 1} (N, H, W).

    Returns:
        float64 (N,), 0..1. Two empty masks agree: 1. One empty mask: 0.

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """
    both, sizes = _overlap(predicted, true)
    return _agreement(2 * both, sizes)


def iou_per_image(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Intersection over union |A and B| / |A or B| of every image.

    Args:
        predicted: bool or {0, 1} (N, H, W).
        true: bool or {0, 1} (N, H, W).

    Returns:
        float64 (N,), 0..1. Two empty masks agree: 1. One empty mask: 0.

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """
    both, sizes = _overlap(predicted, true)
    return _agreement(both, sizes - both)


def segmentation_scores(predicted: np.ndarray, true: np.ndarray) -> dict[str, float | int | None]:
    """Dice and IoU, as the mean over images and pooled over all pixels.

    Args:
        predicted: bool or {0, 1} (N, H, W).
        true: bool or {0, 1} (N, H, W).

    Returns:
        `n`, `dice_per_image`, `iou_per_image` (means over images), `dice_pooled`, `iou_pooled`
        (all pixels as one image). None where there is no image.

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """
    both, sizes = _overlap(predicted, true)
    if not len(both):
        names = ("dice_per_image", "iou_per_image", "dice_pooled", "iou_pooled")
        return {"n": 0, **dict.fromkeys(names)}
    return {
        "n": len(both),
        "dice_per_image": float(_agreement(2 * both, sizes).mean()),
        "iou_per_image": float(_agreement(both, sizes - both).mean()),
        "dice_pooled": float(_agreement(2 * both.sum(), sizes.sum())),
        "iou_pooled": float(_agreement(both.sum(), (sizes - both).sum())),
    }


def _overlap(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|A and B| and |A| + |B| of every image, int64 (N,)."""
    if predicted.shape != true.shape or predicted.ndim != 3:
        raise ValueError(f"masks must be (N, H, W) both, not {predicted.shape} and {true.shape}")
    predicted, true = predicted.astype(bool), true.astype(bool)
    both = (predicted & true).sum(axis=(1, 2))
    return both, predicted.sum(axis=(1, 2)) + true.sum(axis=(1, 2))


def _agreement(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The quotient, 1 where both masks are empty."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 1.0)
