"""Tests of two systems on the same images, and their adjustment when there are several."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln

FEW_DISCORDANT = 25
"""Fewer discordant images than this: the exact test instead of mid-p."""


@dataclass(frozen=True)
class McNemar:
    """McNemar's test.

    Attributes:
        only_first_right: Images that the first system alone gets right.
        only_second_right: Images that the second system alone gets right.
        test: "exact" or "mid-p".
        p: Two-sided p-value; 1 where no image is discordant.
    """

    only_first_right: int
    only_second_right: int
    test: str
    p: float


def mcnemar(first_right: np.ndarray, second_right: np.ndarray) -> McNemar:
    """Test whether two systems err equally often, taking images as independent.

    Under the hypothesis each discordant image falls to either side with probability 1/2. The
    exact binomial test is used below `FEW_DISCORDANT` discordant images, the mid-p test from there
    on: it is nearly as powerful as the asymptotic one and, unlike that, hardly ever exceeds its
    level (Fagerland, Lydersen, Laake, BMC Medical Research Methodology 13:91 (2013),
    doi:10.1186/1471-2288-13-91). Images of one lesion are not independent: see `sign_flip_test`.

    Args:
        first_right: bool (N,).
        second_right: bool (N,).
    """
    b = int(np.sum(first_right & ~second_right))
    c = int(np.sum(~first_right & second_right))
    probabilities = _binomial(b + c)
    exact = min(1.0, 2.0 * float(probabilities[: min(b, c) + 1].sum()))
    if b + c < FEW_DISCORDANT:
        return McNemar(b, c, "exact", exact)
    # At b = c the tails overlap in the observed value; half of it is what mid-p takes off.
    observed = float(probabilities[b])
    p = 1.0 - observed / 2.0 if b == c else exact - observed
    return McNemar(b, c, "mid-p", p)


def sign_flip_test(differences: np.ndarray, groups: np.ndarray) -> float:
    """Exact permutation test of a sum of paired differences, exchanging whole groups.

    If two systems are alike, exchanging their outcomes on all images of a group changes nothing,
    so each group's sum may have either sign. All sign patterns are counted, none is sampled. With
    groups of one image and differences of right and wrong it is the exact test of McNemar.

    Args:
        differences: int (N,), second less first, e.g. of being wrong (0 or 1).
        groups: int (N,) number of each image's group, from 0.

    Returns:
        Two-sided p-value: the share of patterns whose sum is at least as far from 0.
    """
    sums = np.zeros(int(groups.max(initial=-1)) + 1, dtype=np.int64)
    np.add.at(sums, groups, differences)
    # The sum of m terms of +-v is v (2 B - m), B binomial: one factor a size, then their sum.
    sizes, numbers = np.unique(np.abs(sums[sums != 0]), return_counts=True)
    distribution = np.ones(1)
    for size, number in zip(sizes.tolist(), numbers.tolist(), strict=True):
        factor = np.zeros(2 * size * number + 1)
        factor[:: 2 * size] = _binomial(number)
        distribution = np.convolve(distribution, factor)
    centre = len(distribution) // 2
    far = abs(np.arange(len(distribution)) - centre) >= abs(int(sums.sum()))
    return min(1.0, float(distribution[far].sum()))


def holm(p_values: Mapping[str, float]) -> dict[str, float]:
    """Adjust the p-values of a family of tests: Holm's step-down method.

    Holm, Scandinavian Journal of Statistics 6 (1979), 65-70. An adjusted value below a level
    means that the family's chance of any false finding is below it, whatever the dependence.

    Args:
        p_values: Name -> p.

    Returns:
        Name -> adjusted p, not below p and at most 1.
    """
    adjusted: dict[str, float] = {}
    largest = 0.0
    for rank, (name, p) in enumerate(sorted(p_values.items(), key=lambda item: item[1])):
        largest = max(largest, min(1.0, (len(p_values) - rank) * p))
        adjusted[name] = largest
    return {name: adjusted[name] for name in p_values}


def _binomial(n: int) -> np.ndarray:
    """Probabilities of 0..n successes in n fair trials."""
    k = np.arange(n + 1)
    return np.exp(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) - n * np.log(2.0))
