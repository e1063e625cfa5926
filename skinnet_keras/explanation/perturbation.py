"""Does the map matter? Deletion and insertion of what it marks.

Petsiuk et al. 2018, arXiv:1806.07421 (RISE): take the image away patch by patch in the order of
the map and watch the class's probability fall, or add it to a blurred image and watch it rise. A
map that says where the network looks has a low area under the first curve and a high one under
the second; the same with patches in random order is what it is to be compared with.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

STEPS = 16
# Patches a side: finer than the last feature maps, coarse enough to take a lesion's detail away.
GRID = 14
# Of the side of the image: hides colours and structures, leaves the skin's tone.
_BLUR = 0.1

Predict = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Curves:
    """Probability of the class while an image disappears and comes back.

    Attributes:
        deletion: float64 (STEPS + 1,); the whole image first, none of it last.
        insertion: float64 (STEPS + 1,); the blurred image first, the whole last.
    """

    deletion: np.ndarray
    insertion: np.ndarray

    @property
    def deletion_area(self) -> float:
        """Area under the deletion curve over 0..1; low = the map matters."""
        return _area(self.deletion)

    @property
    def insertion_area(self) -> float:
        """Area under the insertion curve over 0..1; high = the map matters."""
        return _area(self.insertion)


def perturbation_curves(predict: Predict, image: np.ndarray, order: np.ndarray) -> Curves:
    """Follow one image's probability while patches go and come in an order.

    Args:
        predict: Images float32 (n, S, S, C) -> probability of the class asked about, (n,).
        image: (S, S, C), raw 0..255.
        order: Permutation of the GRID x GRID patches, row by row, the most important first; see
            `patch_order`.
    """
    image = np.asarray(image, np.float32)
    side = image.shape[0]
    blurred = cv2.GaussianBlur(image, (0, 0), _BLUR * side).reshape(image.shape)
    rank = np.empty(GRID * GRID)
    rank[order] = np.arange(GRID * GRID)
    index = np.arange(side) * GRID // side
    rank_of_pixel = rank.reshape(GRID, GRID)[index][:, index]
    taken = np.linspace(0, GRID * GRID, STEPS + 1)
    marked = (rank_of_pixel[None] < taken[:, None, None])[..., None]
    views = np.concatenate([np.where(marked, blurred, image), np.where(marked, image, blurred)])
    probability = np.asarray(predict(views), np.float64)
    return Curves(probability[: STEPS + 1], probability[STEPS + 1 :])


def patch_order(relevance: np.ndarray, seed: int = 0) -> np.ndarray:
    """Patches by falling mean of a map; equal ones in random order.

    Args:
        relevance: float (S, S).
        seed: Of the order among equals.

    Returns:
        int64 permutation of GRID x GRID patches, row by row.
    """
    means = cv2.resize(
        np.asarray(relevance, np.float32), (GRID, GRID), interpolation=cv2.INTER_AREA
    ).ravel()
    shuffled = np.random.default_rng(seed).permutation(GRID * GRID)
    return shuffled[np.argsort(-means[shuffled], kind="stable")]


def random_order(seed: int) -> np.ndarray:
    """Patches in random order, for comparison."""
    return np.random.default_rng(seed).permutation(GRID * GRID)


def share_inside(relevance: np.ndarray, mask: np.ndarray) -> tuple[float, float]:
    """How much of a map lies in the lesion, and how much of the image the lesion takes.

    Args:
        relevance: float (S, S), not negative.
        mask: {0, 1} (S, S).

    Returns:
        Share of the map's sum (NaN for an empty map), and share of the area; a map that ignores
        the lesion has about as much of the first as of the second.
    """
    total = float(relevance.sum())
    inside = float((relevance * (mask > 0)).sum())
    return (inside / total if total > 0 else float("nan")), float((mask > 0).mean())


def _area(curve: np.ndarray) -> float:
    return float(np.trapezoid(curve, dx=1 / (len(curve) - 1)))
