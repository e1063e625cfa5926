"""Bootstrap that resamples groups (lesions), not images.

Images of one lesion are alike, so an interval over images would be too narrow. A resample is how
often every group counts; nothing is copied. One seed and one number of groups give one set of
draws whatever is computed from them, so all numbers of a report belong together and the difference
of two systems on the same images is a paired bootstrap.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from scipy import sparse

from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES

__all__ = [
    "DEFAULT_RESAMPLES",
    "exact_interval",
    "group_counts",
    "group_indices",
    "part_size",
    "percentile_interval",
    "resampled_ratios",
]


def group_counts(num_groups: int, *, resamples: int, seed: int, step: int) -> Iterator[np.ndarray]:
    """Draw as many groups as there are, with replacement, and count each, again and again.

    Args:
        num_groups: G.
        resamples: R, number of resampled data sets.
        seed: Seed of the draws.
        step: Resamples at a time; the draws do not depend on it.

    Yields:
        float64 (G, r): how often a group was drawn in each of r resamples, r <= `step`. Floats
        because they are factors next; they hold whole numbers.
    """
    rng = np.random.default_rng(seed)
    for start in range(0, resamples, step):
        size = min(step, resamples - start)
        drawn = rng.integers(0, num_groups, size=(size, num_groups))
        drawn += np.arange(0, size * num_groups, num_groups)[:, None]
        counts = np.bincount(drawn.ravel(), minlength=size * num_groups)
        yield np.ascontiguousarray(counts.reshape(size, num_groups).T, dtype=np.float64)


def resampled_ratios(
    numerators: np.ndarray,
    denominators: np.ndarray,
    groups: Sequence[str] | None,
    *,
    resamples: int,
    seed: int,
) -> np.ndarray:
    """Ratios of sums over resampled groups; with denominators of 1 these are means.

    Args:
        numerators: float (N,) or (N, M): M ratios at once.
        denominators: float, of the same shape, or (N,) or (N, 1) for all M; at least one is
            positive in every group.
        groups: N group names; "" or None = the image is a group of its own.
        resamples: R, number of resampled data sets.
        seed: Seed of the draws.

    Returns:
        float64 (R,) or (R, M).
    """
    index = group_indices(groups, len(numerators))
    num_groups = int(index.max()) + 1
    above = np.asarray(numerators, np.float64)
    below = np.asarray(denominators, np.float64)
    columns = [value.reshape(len(value), -1) for value in (above, below)]
    both = np.concatenate(columns, axis=1)
    shape = (num_groups, len(both))
    of_group = sparse.csr_array((np.ones(len(both)), (index, np.arange(len(both)))), shape=shape)
    sums = of_group @ both
    step = part_size(num_groups)
    draws = group_counts(num_groups, resamples=resamples, seed=seed, step=step)
    drawn = np.concatenate([counts.T @ sums for counts in draws])
    split = columns[0].shape[1]
    ratios = drawn[:, :split] / drawn[:, split:]
    return ratios.reshape(resamples, *above.shape[1:])


def part_size(rows: int) -> int:
    """Resamples to take at a time where each needs `rows` numbers.

    Arrays of 8 MiB at most (but for single resamples of huge data) stay near the processor:
    accumulating along their columns is several times slower in larger ones.
    """
    return max(1, min(1024, 1_000_000 // max(1, rows)))


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


def exact_interval(rate: float, trials: int, level: float = 0.95) -> tuple[float, float] | None:
    """Clopper and Pearson's interval of a rate of 0 or 1, which no resample varies.

    Biometrika 26 (1934), doi:10.1093/biomet/26.4.404.

    Args:
        rate: Share of the trials, 0..1.
        trials: Independent trials behind it, such as groups.
        level: Coverage, 0..1.

    Returns:
        Lower and upper bound; None for other rates or without trials.
    """
    if not trials or rate not in (0.0, 1.0):
        return None
    bound = ((1.0 - level) / 2.0) ** (1.0 / trials)
    return (bound, 1.0) if rate else (0.0, 1.0 - bound)


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
