"""The AUC of several classes as the mean over pairs of classes (Hand and Till)."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np


def pair_auc(
    true: np.ndarray, probabilities: np.ndarray, classes: Sequence[int], weights: np.ndarray
) -> np.ndarray:
    """Mean over ordered pairs of classes i, j of how often an image of i outscores one of j on i.

    Unlike one-against-rest it does not depend on how frequent the classes are (Hand and Till 2001,
    doi:10.1023/A:1010920819831), so subgroups with another mix of the same classes compare. Ties
    count half. Over all classes with weights of 1 it equals scikit-learn's `roc_auc_score` with
    `multi_class="ovo"`.

    Args:
        true: int (N,), class of each image.
        probabilities: float (N, K).
        classes: The classes to take pairs of; images of others are left out.
        weights: float (R, N): how often each image counts in each of R data sets.

    Returns:
        float64 (R,), 0..1; NaN where a class has no weight, or there are fewer than two classes.
    """
    if len(classes) < 2:
        return np.full(len(weights), np.nan)
    rows = {k: np.flatnonzero(true == k) for k in classes}
    scores, counts = ({k: array[rows[k]] for k in classes} for array in (probabilities, weights.T))
    areas = [
        _outscores(scores[i][:, i], scores[j][:, i], counts[i].T, counts[j].T)
        for i, j in itertools.permutations(classes, 2)
    ]
    return np.mean(areas, axis=0)


def _outscores(
    positive: np.ndarray,
    negative: np.ndarray,
    positive_weights: np.ndarray,
    negative_weights: np.ndarray,
) -> np.ndarray:
    """Weighted share of pairs (positive, negative) in which the positive has the higher score."""
    order = np.argsort(negative, kind="stable")
    below = np.zeros((len(negative_weights), len(negative) + 1))
    np.cumsum(negative_weights[:, order], axis=1, out=below[:, 1:])
    first = np.searchsorted(negative[order], positive, side="left")
    last = np.searchsorted(negative[order], positive, side="right")
    # Mean of those strictly below and those at most equal: ties count half.
    won = (positive_weights * (below[:, first] + below[:, last]) / 2.0).sum(axis=1)
    pairs = positive_weights.sum(axis=1, dtype=np.float64) * below[:, -1]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(pairs > 0, won / pairs, np.nan)
