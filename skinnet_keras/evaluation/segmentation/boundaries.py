"""How far apart the outlines of two masks lie: Hausdorff distance and boundary F1.

The outline of a mask is its pixels with one of their four neighbours outside it; beyond the
image is outside. Distances run between pixel centres, in pixels of the arrays given, so they
compare only between masks of one size.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import cv2
import numpy as np

DIAGONAL_SHARE = 0.008
"""Default tolerance of `boundary_f1`, as a share of the image's diagonal (DAVIS)."""


def hausdorff_95(predicted: np.ndarray, true: np.ndarray) -> np.ndarray:
    """95th-percentile Hausdorff distance of every image; see `hausdorff`.

    Args:
        predicted: bool or {0, 1} (N, H, W).
        true: bool or {0, 1} (N, H, W).

    Returns:
        float64 (N,), pixels.

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """
    return hausdorff(predicted, true, percentile=95)


def hausdorff(predicted: np.ndarray, true: np.ndarray, *, percentile: float = 100) -> np.ndarray:
    """Hausdorff distance of every image, with a percentile in place of the maximum.

    The larger of the two directed distances, each the percentile of the distances from one
    outline's pixels to the other outline (MONAI and Metrics Reloaded, arXiv:2206.01653, define
    it so). MedPy's `hd95`, which TransUNet's code and its descendants call, takes one
    percentile of both directions together: there the many small distances of a long outline
    hide the large ones of a short outline.

    Args:
        predicted: bool or {0, 1} (N, H, W).
        true: bool or {0, 1} (N, H, W).
        percentile: 0..100; 100 gives the Hausdorff distance itself.

    Returns:
        float64 (N,), pixels. Two empty masks: 0. One empty mask: the image's diagonal, more
        than any two pixels can be apart, so that means over images stay defined.

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """

    def score(*distances: np.ndarray) -> float:
        return max(float(np.percentile(directed, percentile)) for directed in distances)

    diagonal = math.hypot(*predicted.shape[1:])
    return _per_image(score, predicted, true, both_empty=0.0, one_empty=diagonal)


def boundary_f1(
    predicted: np.ndarray, true: np.ndarray, tolerance: float | None = None
) -> np.ndarray:
    """Boundary F1 of every image (Csurka et al., BMVC 2013; the F measure of DAVIS, CVPR 2016).

    Precision: share of the predicted outline's pixels within the tolerance of the true
    outline; recall: the reverse; F1: their harmonic mean.

    Args:
        predicted: bool or {0, 1} (N, H, W).
        true: bool or {0, 1} (N, H, W).
        tolerance: Pixels, 0 or above. None: 0.008 of the image's diagonal, rounded up, as the
            DAVIS benchmark's code has it (2 pixels at 128 x 128, 6 at 600 x 450).

    Returns:
        float64 (N,), 0..1. Two empty masks: 1. One empty mask: 0.

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """
    if tolerance is None:
        tolerance = math.ceil(DIAGONAL_SHARE * math.hypot(*predicted.shape[1:]))

    def score(from_predicted: np.ndarray, from_true: np.ndarray) -> float:
        precision = np.mean(from_predicted <= tolerance)
        recall = np.mean(from_true <= tolerance)
        either = precision + recall
        return float(2 * precision * recall / either) if either else 0.0

    return _per_image(score, predicted, true, both_empty=1.0, one_empty=0.0)


def mask_pair(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both stacks of masks as bool (N, H, W).

    Raises:
        ValueError: The shapes differ or are not (N, H, W).
    """
    if predicted.shape != true.shape or predicted.ndim != 3:
        raise ValueError(f"masks must be (N, H, W) both, not {predicted.shape} and {true.shape}")
    return predicted.astype(bool), true.astype(bool)


def _per_image(
    score: Callable[[np.ndarray, np.ndarray], float],
    predicted: np.ndarray,
    true: np.ndarray,
    *,
    both_empty: float,
    one_empty: float,
) -> np.ndarray:
    """`score` of every image's two directed outline distances, float64 (N,)."""
    scores = np.full(len(predicted), both_empty, dtype=np.float64)
    for i, (one, other) in enumerate(zip(*mask_pair(predicted, true), strict=True)):
        if one.any() and other.any():
            scores[i] = score(*_outline_distances(one, other))
        elif one.any() or other.any():
            scores[i] = one_empty
    return scores


def _outline_distances(predicted: np.ndarray, true: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """From every outline pixel to the other outline, predicted to true and true to predicted.

    Args:
        predicted: bool (H, W), not empty.
        true: bool (H, W), not empty.

    Returns:
        float32 (n,) and (m,), exact up to rounding.
    """
    # Both outlines lie in the masks' common bounding box, whatever the size of the image.
    both = predicted | true
    rows, columns = np.flatnonzero(both.any(axis=1)), np.flatnonzero(both.any(axis=0))
    box = slice(rows[0], rows[-1] + 1), slice(columns[0], columns[-1] + 1)
    one, other = _outline(predicted[box]), _outline(true[box])
    return _distance_to(other)[one], _distance_to(one)[other]


def _outline(mask: np.ndarray) -> np.ndarray:
    padded = np.pad(mask, 1)
    inside = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return mask & ~inside


def _distance_to(outline: np.ndarray) -> np.ndarray:
    """Euclidean distance of every pixel to the nearest one of the outline, float32 (H, W)."""
    # Equal to SciPy's distance_transform_edt, and several times faster.
    return cv2.distanceTransform((~outline).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
