"""Folds of a validation split, for choices that must not be made on the images that were fitted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from skinnet_keras.evaluation.bootstrap import group_indices

NUM_FOLDS = 5


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
