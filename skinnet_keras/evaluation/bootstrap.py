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


def resampled_ratios(
    numerators: np.ndarray,
    denominators: np.ndarray,
    groups: Sequence[str] | None,
    *,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Ratios of sums over resampled groups; with denominators of 1 these are means.

    One seed gives one set of draws whatever the values are, so the difference of two calls on
    the same images is a paired bootstrap.

    Args:
        numerators: float (N,) or (N, M): M ratios at once.
        denominators: float, of the same shape; at least one is positive in every group.
        groups: N group names; "" or None = the image is a group of its own.
        resamples: R, number of resampled data sets.
        seed: Seed of the draws.

    Returns:
        float64 (R,) or (R, M).
    """
    index = group_indices(groups, len(numerators))
    num_groups = int(index.max()) + 1
    values = np.stack([numerators, denominators]).astype(np.float64)
    sums = np.zeros((2, num_groups, *values.shape[2:]))
    for total, value in zip(sums, values, strict=True):
        np.add.at(total, index, value)
    rng = np.random.default_rng(seed)
    even = np.full(num_groups, 1 / num_groups)
    # A part at a time: all draws of a large data set at once would not fit.
    parts = [
        [draws @ total for total in sums]
        for size in _part_sizes(resamples, num_groups)
        for draws in [rng.multinomial(num_groups, even, size=size)]
    ]
    above, below = (np.concatenate(pieces) for pieces in zip(*parts, strict=True))
    return above / below


def _part_sizes(resamples: int, num_groups: int, cells: int = 4_000_000) -> list[int]:
    step = max(1, cells // num_groups)
    return [min(step, resamples - start) for start in range(0, resamples, step)]


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
