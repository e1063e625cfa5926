"""Dice and IoU of binary masks, in NumPy, per image and over the data set.

The two differ: the mean over images weighs every lesion alike, the pooled value every pixel.
Papers report either, often without saying which, so every score here carries it in its name:

- `iou_per_image`, `dice_per_image`: the mean Jaccard index by which the ISIC-2017 challenge
  ranks (arXiv:1710.05006), and the scores of TransFuse (arXiv:2102.08005), whose code takes
  means over images at the threshold 0.5.
- `iou_pooled`, `dice_pooled`: "mIoU" and DSC of MALUNet (arXiv:2211.01784), whose code counts
  all pixels of the data set into one confusion matrix; its mIoU is the IoU of the lesion, not
  a mean over images or classes.
- None of these: the rank of ISIC-2018, task 1, is by a mean Jaccard index that sets images
  below 0.65 to 0 (arXiv:1902.03368).
"""

from __future__ import annotations

import numpy as np

from skinnet_keras.evaluation.segmentation.boundaries import boundary_f1, hausdorff_95, mask_pair


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


def segmentation_scores(
    predicted: np.ndarray, true: np.ndarray, *, boundaries: bool = False
) -> dict[str, float | int | None]:
    """Dice and IoU, as the mean over images and pooled over all pixels.

    Args:
        predicted: bool or {0, 1} (N, H, W).
        true: bool or {0, 1} (N, H, W).
        boundaries: Whether to add the scores of the outlines, which take longer.

    Returns:
        `n`, `dice_per_image`, `iou_per_image` (means over images), `dice_pooled`, `iou_pooled`
        (all pixels as one image), and with `boundaries` also `hausdorff_95` (pixels) and
        `boundary_f1` at the default tolerance (means over images). None where there is no image.

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """
    both, sizes = _overlap(predicted, true)
    outlines = {"hausdorff_95": hausdorff_95, "boundary_f1": boundary_f1} if boundaries else {}
    if not len(both):
        names = ("dice_per_image", "iou_per_image", "dice_pooled", "iou_pooled", *outlines)
        return {"n": 0, **dict.fromkeys(names)}
    return {
        "n": len(both),
        "dice_per_image": float(_agreement(2 * both, sizes).mean()),
        "iou_per_image": float(_agreement(both, sizes - both).mean()),
        "dice_pooled": float(_agreement(2 * both.sum(), sizes.sum())),
        "iou_pooled": float(_agreement(both.sum(), (sizes - both).sum())),
        **{name: float(score(predicted, true).mean()) for name, score in outlines.items()},
    }


def _overlap(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """|A and B| and |A| + |B| of every image, int64 (N,)."""
    predicted, true = mask_pair(predicted, true)
    both = (predicted & true).sum(axis=(1, 2))
    return both, predicted.sum(axis=(1, 2)) + true.sum(axis=(1, 2))


def _agreement(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """The quotient, 1 where both masks are empty."""
    return np.where(whole > 0, part / np.maximum(whole, 1), 1.0)
