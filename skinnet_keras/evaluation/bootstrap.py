"""Percentile bootstrap that resamples groups (lesions), not images.

Images of one lesion are alike, so an interval over images would be too narrow.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def bootstrap_confusions(
    true: np.ndarray,
    predicted: np.ndarray,
    num_classes: int,
    groups: Sequence[str] | None,
    *,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Confusion matrices of resampled data sets.

    Each resample draws as many groups as there are, with replacement, and takes all images of a
    group as often as it was drawn. Groups that fill the same cells of the confusion matrix are
    interchangeable, so one multinomial draw over the distinct kinds of groups has exactly that
    distribution; no image is ever copied.

    Args:
        true: int (N,) indices of the true classes.
        predicted: int (N,) indices of the predicted classes.
        num_classes: K.
        groups: N group names; "" or None = the image is a group of its own.
        resamples: R, number of resampled data sets.
        seed: Seed of the draws.

    Returns:
        int64 (R, K, K), rows true, columns predicted.
    """
    cells = np.asarray(true) * num_classes + np.asarray(predicted)
    index = group_indices(groups, len(cells))
    num_groups = int(index.max()) + 1
    filled = np.zeros((num_groups, num_classes**2), dtype=np.int64)
    np.add.at(filled, (index, cells), 1)
    kinds, frequency = np.unique(filled, axis=0, return_counts=True)
    rng = np.random.default_rng(seed)
    draws = rng.multinomial(num_groups, frequency / num_groups, size=resamples)
    return (draws @ kinds).reshape(resamples, num_classes, num_classes)


def group_indices(groups: Sequence[str] | None, n: int) -> np.ndarray:
    """Number the groups from 0; an unnamed group ("") is the image alone.

    Args:
        groups: n group names, or None where every image is a group of its own.
        n: Number of images.

    Returns:
        int64 (n,) group numbers, without gaps.
    """
    if groups is None:
        return np.arange(n)
    numbers: dict[str | int, int] = {}
    # A nameless row's own number is its key: integers never meet the names, which are strings.
    keys = [group or row for row, group in enumerate(groups)]
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)


def percentile_interval(values: np.ndarray, level: float = 0.95) -> tuple[float, float] | None:
    """Percentile interval of bootstrap values; None where no resample defines the value.

    Args:
        values: float (R,); NaN = undefined in that resample, left out.
        level: Coverage, 0..1.

    Returns:
        Lower and upper bound.
    """
    defined = values[~np.isnan(values)]
    if not defined.size:
        return None
    tail = (1.0 - level) / 2.0
    low, high = np.quantile(defined, [tail, 1.0 - tail])
    return float(low), float(high)
