"""The largest difference between subgroups: an interval and a test that know it is the largest.

The largest of several noisy differences is large by chance, so neither an ordinary interval of the
pair that happens to be extreme nor a test of it would be honest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

_CELLS = 1_000_000  # subgroups of images handled at a time


@dataclass(frozen=True)
class LargestGap:
    """The largest difference of a metric between compared subgroups.

    Attributes:
        high: Number (among the compared) of the subgroup with the highest value.
        low: The one with the lowest.
        difference: Their difference, at least 0; biased upwards, see `by_chance`.
        interval: 95 % interval that holds for all pairs at once; None without resamples, and
            where one of the two values is the same in all of them (a rate of 0 or 1).
        by_chance: Mean largest difference when subgroups are exchanged between lesions of the
            same classes: what chance and the mix of classes alone give. None without a test.
        p_value: Share of exchanges that give as large a difference; None without a test.
    """

    high: int
    low: int
    difference: float
    interval: tuple[float, float] | None
    by_chance: float | None
    p_value: float | None


def largest_gap(
    values: np.ndarray, draws: np.ndarray | None, exchanged: np.ndarray | None
) -> LargestGap | None:
    """Find the largest difference, its simultaneous interval and its permutation test.

    The interval is the difference plus and minus the 95 % quantile, over resamples, of the largest
    deviation of any pair's difference from its own estimate (single-step simultaneous bootstrap
    intervals; Romano and Wolf 2005, doi:10.1111/j.1468-0262.2005.00615.x). It holds for every
    pair at once and so for the one that is the largest, at the price of being wider.

    Args:
        values: float (S,), the metric of each compared subgroup.
        draws: float (R, S), the metric in paired resamples; None for no interval.
        exchanged: float (P, S), the metric after exchanges (`exchange_subgroups`); None for no
            test.

    Returns:
        The gap; None where fewer than two values are defined.
    """
    if len(values) < 2 or np.isnan(values).any():
        return None
    high, low = int(values.argmax()), int(values.argmin())
    difference = float(values[high] - values[low])
    interval = by_chance = p_value = None
    if draws is not None:
        deviations = _defined(draws) - values
        if len(deviations) and np.ptp(deviations[:, [high, low]], axis=0).all():
            # The largest deviation over pairs is the range of the subgroups' own.
            margin = float(np.quantile(np.ptp(deviations, axis=1), 0.95))
            interval = (max(difference - margin, -1.0), min(difference + margin, 1.0))
    if exchanged is not None:
        ranges = np.ptp(_defined(exchanged), axis=1)
        if len(ranges):
            by_chance = float(ranges.mean())
            as_large = int((ranges >= difference - 1e-12).sum())
            p_value = (1 + as_large) / (1 + len(ranges))
    return LargestGap(high, low, difference, interval, by_chance, p_value)


def exchange_subgroups(
    codes: np.ndarray,
    true: np.ndarray,
    lesions: np.ndarray,
    metric: Callable[[np.ndarray], np.ndarray],
    *,
    permutations: int,
    seed: int,
) -> np.ndarray:
    """A metric after exchanging subgroups between lesions of the same classes.

    Lesions (groups) that hold the same classes the same number of times trade the subgroups of
    their images, class by class: groups stay whole, and every subgroup keeps its number of images
    of each class. So if within a class the predictions do not depend on the subgroup, the data
    are one draw among these. A group that is the only one of its kind stays as it is.

    Args:
        codes: int (M,), subgroup of each image.
        true: int (M,), class of each image.
        lesions: int (M,), lesion of each image.
        metric: Takes subgroups int (P, M) and returns the metric, float (P, S), or several of them
            along further axes.
        permutations: P.
        seed: Seed of the exchanges.

    Returns:
        float64 (P, S, ...).
    """
    rng = np.random.default_rng(seed)
    kinds = _kinds(true, lesions)
    step = max(1, _CELLS // max(len(codes), 1))
    parts = []
    for start in range(0, permutations, step):
        size = min(step, permutations - start)
        exchanged = np.tile(codes, (size, 1))
        for kind in kinds:
            if kind.shape[1] == 1:
                alone = kind[:, 0]
                exchanged[:, alone] = rng.permuted(np.tile(codes[alone], (size, 1)), axis=1)
                continue
            order = rng.permuted(np.tile(np.arange(len(kind)), (size, 1)), axis=1)
            # (size, groups of the kind, images a group) of the images whose subgroup is taken
            taken = codes[kind[order]]
            exchanged[:, kind.ravel()] = taken.reshape(size, -1)
        parts.append(metric(exchanged))
    return np.concatenate(parts)


def _kinds(true: np.ndarray, lesions: np.ndarray) -> list[np.ndarray]:
    """Rows of the groups that may trade: for each kind int (groups, images a group), by class."""
    order = np.lexsort((true, lesions))
    starts = np.flatnonzero(np.diff(lesions[order], prepend=-1))
    kinds: dict[tuple[int, ...], list[np.ndarray]] = {}
    for rows in np.split(order, starts[1:]):
        kinds.setdefault(tuple(true[rows].tolist()), []).append(rows)
    return [np.stack(groups) for groups in kinds.values() if len(groups) > 1]


def _defined(draws: np.ndarray) -> np.ndarray:
    """The rows without NaN."""
    return draws[~np.isnan(draws).any(axis=1)]
