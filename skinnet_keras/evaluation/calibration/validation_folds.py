"""Folds of a validation split, for choices that must not be made on the images that were fitted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from skinnet_keras.evaluation.bootstrap import group_indices

NUM_FOLDS = 5
_ROUNDING = 1e-12


def validation_folds(
    true: np.ndarray, groups: Sequence[str] | None, num_folds: int = NUM_FOLDS
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Split images into folds that keep groups whole and spread every class.

    Groups are dealt out in turn, sorted by the class of their first image: no chance in it.

    Args:
        true: int (N,) indices of the true classes.
        groups: N group names; "" or None = the image is a group of its own.
        num_folds: At most this many folds; fewer where there are fewer groups.

    Yields:
        Rows to fit and rows to score, bool (N,) each; nothing where there is only one group.
    """
    index = group_indices(groups, len(true))
    _, first = np.unique(index, return_index=True)
    dealt = np.empty(len(first), dtype=np.int64)
    dealt[np.argsort(true[first], kind="stable")] = np.arange(len(first))
    folds = min(num_folds, len(first))
    fold = (dealt % folds)[index]
    for number in range(folds if folds > 1 else 0):
        yield fold != number, fold == number


def simplest_of_the_best(
    losses: Mapping[str, np.ndarray], groups: Sequence[str] | None
) -> tuple[str, dict[str, float]]:
    """Choose among candidates by their losses on images left out.

    The first candidate whose mean loss is at most one standard error above the smallest (Breiman
    et al. 1984, section 3.4.3), the error being that of the paired difference, over groups: what
    is more complex has to earn it by more than the chance of a few images.

    Args:
        losses: Candidate -> float (N,), the simplest first.
        groups: N group names; "" or None = the image is a group of its own.

    Returns:
        The candidate, and the mean loss of each.
    """
    means = {name: float(values.mean()) for name, values in losses.items()}
    best = losses[min(means, key=means.__getitem__)]
    index = group_indices(groups, len(best))
    for name, values in losses.items():
        surplus = np.bincount(index, weights=values - best - (values - best).mean())
        if means[name] - best.mean() <= np.sqrt((surplus**2).sum()) / len(best) + _ROUNDING:
            return name, means
    raise AssertionError("the best is as good as itself")
