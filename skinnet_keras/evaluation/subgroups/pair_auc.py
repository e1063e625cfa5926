"""The AUC of several classes as the mean over pairs of classes (Hand and Till)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np
from scipy import sparse


class PairAreas:
    """How often an image of class i outscores one of class j on i, for pairs of classes.

    The images are sorted once; then every weighting of their lesions costs a few sums. A pair's
    curve is followed along the scores of its rarer class, so that common classes, whose pairs
    would dominate, cost no more than their images' entries in a sparse matrix.
    """

    def __init__(
        self,
        true: np.ndarray,
        probabilities: np.ndarray,
        classes: Sequence[int],
        lesions: np.ndarray,
    ) -> None:
        """Sort.

        Args:
            true: int (N,), class of each image.
            probabilities: float (N, K).
            classes: The classes to take pairs of; images of others are left out.
            lesions: int (N,), number of each image's lesion, 0..G - 1.
        """
        self._num_classes = probabilities.shape[1]
        lesions_count = int(lesions.max(initial=-1)) + 1
        rows = {k: np.flatnonzero(true == k) for k in classes}
        self._pairs = {
            (i, j): _along_the_rarer(probabilities[:, i], rows[i], rows[j], lesions, lesions_count)
            for i, j in itertools.permutations(classes, 2)
        }

    def __call__(self, weights: np.ndarray) -> np.ndarray:
        """Areas in R data sets.

        Args:
            weights: float (G, R): how often each lesion counts in each data set.

        Returns:
            float64 (R, K, K), 0..1, ties counting half; NaN where a class has no weight, and for
            pairs that were not asked for.
        """
        k = self._num_classes
        areas = np.full((k, k, weights.shape[1]), np.nan)
        for (i, j), (steps, below, common) in self._pairs.items():
            gained, beaten = steps @ weights, below @ weights
            won = np.einsum("ur,ur->r", gained, np.cumsum(beaten, axis=0, out=beaten))
            pairs = gained.sum(axis=0) * (common @ weights)
            with np.errstate(divide="ignore", invalid="ignore"):
                areas[i, j] = np.where(pairs > 0, won / pairs, np.nan)
        return np.moveaxis(areas, 2, 0)


def pair_auc(areas: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    """Mean over ordered pairs of classes i, j of how often an image of i outscores one of j on i.

    Unlike one-against-rest it does not depend on how frequent the classes are (Hand and Till 2001,
    doi:10.1023/A:1010920819831), so subgroups with another mix of the same classes compare. Ties
    count half. Over all classes with weights of 1 it equals scikit-learn's `roc_auc_score` with
    `multi_class="ovo"`.

    Args:
        areas: float (R, K, K), as `PairAreas` gives them for these classes, or for more.
        classes: The classes to take pairs of.

    Returns:
        float64 (R,), 0..1; NaN where a class has no weight, or there are fewer than two classes.
    """
    if len(classes) < 2:
        return np.full(len(areas), np.nan)
    pairs = list(itertools.permutations(classes, 2))
    first, second = (list(part) for part in zip(*pairs, strict=True))
    return areas[:, first, second].mean(axis=1)


def _along_the_rarer(
    score: np.ndarray,
    positive: np.ndarray,
    negative: np.ndarray,
    lesions: np.ndarray,
    lesions_count: int,
) -> tuple[sparse.csr_array, sparse.csr_array, np.ndarray]:
    """What gives the area of a pair: sums at the thresholds, and the weight of the other class.

    Returns:
        The rarer class's images at each of its U scores (U, G); the images of the commoner class
        that a score decides and the one before does not (U, G), in halves, so that a tie counts
        half; and the commoner class's images of each lesion (G,).
    """
    # Along the negatives the signs turn: then, too, an image of the other class counts from below.
    rarer, common, sign = positive, negative, 1.0
    if len(negative) < len(positive):
        rarer, common, sign = negative, positive, -1.0
    own, others = sign * score[rarer], sign * score[common]
    thresholds, at = np.unique(own, return_inverse=True)
    u = len(thresholds)
    steps = sparse.csr_array((np.ones(len(rarer)), (at, lesions[rarer])), shape=(u, lesions_count))
    entries = np.concatenate(
        [
            np.searchsorted(thresholds, others, side="left"),
            np.searchsorted(thresholds, others, side="right"),
        ]
    )
    columns = np.tile(lesions[common], 2)
    inside = entries < u
    below = sparse.csr_array(
        (np.full(inside.sum(), 0.5), (entries[inside], columns[inside])), shape=(u, lesions_count)
    )
    return steps, below, np.bincount(lesions[common], minlength=lesions_count).astype(np.float64)
