from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from skinnet_keras.evaluation.significance import holm, mcnemar, sign_flip_test


def outcomes(only_first: int, only_second: int, both: int = 5) -> tuple[np.ndarray, np.ndarray]:
    first = [True] * only_first + [False] * only_second + [True] * both
    second = [False] * only_first + [True] * only_second + [True] * both
    return np.array(first), np.array(second)


@pytest.mark.parametrize(("b", "c"), [(0, 0), (1, 0), (0, 5), (5, 5), (3, 12), (20, 4)])
def test_few_discordant_images_are_tested_exactly(b, c):
    found = mcnemar(*outcomes(b, c))
    assert (found.only_first_right, found.only_second_right, found.test) == (b, c, "exact")
    expected = stats.binomtest(b, b + c).pvalue if b + c else 1.0
    assert found.p == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(("b", "c"), [(20, 5), (13, 13), (40, 60), (100, 30), (500, 600)])
def test_mid_p_counts_what_is_as_far_as_the_observed_value_half(b, c):
    found = mcnemar(*outcomes(b, c))
    assert found.test == "mid-p"
    k = np.arange(b + c + 1)
    far, observed, probability = abs(2 * k - b - c), abs(b - c), stats.binom.pmf(k, b + c, 0.5)
    expected = probability[far > observed].sum() + probability[far == observed].sum() / 2
    assert found.p == pytest.approx(expected, rel=1e-9)


def test_a_published_mid_p():
    # Fagerland et al. (2013), airway hyper-responsiveness, table 1: 1 and 7 discordant pairs,
    # exact 0.0703, mid-p 0.0391.
    exact = mcnemar(*outcomes(1, 7)).p
    assert exact == pytest.approx(0.0703, abs=5e-5)
    assert exact - stats.binom.pmf(1, 8, 0.5) == pytest.approx(0.0391, abs=5e-5)


@pytest.mark.parametrize(("b", "c"), [(1, 7), (10, 30), (0, 0), (6, 6)])
def test_sign_flips_of_single_images_are_the_exact_test_of_mcnemar(b, c):
    first, second = outcomes(b, c)
    differences = (~second).astype(int) - (~first).astype(int)
    p = sign_flip_test(differences, np.arange(len(first)))
    assert p == pytest.approx(stats.binomtest(b, b + c).pvalue if b + c else 1.0, abs=1e-12)


@pytest.mark.parametrize("seed", range(8))
def test_sign_flips_count_every_pattern_of_groups(seed):
    rng = np.random.default_rng(seed)
    groups = rng.integers(0, 9, 30)
    groups[:9] = range(9)
    differences = rng.integers(-1, 2, 30)
    sums = np.array([differences[groups == g].sum() for g in range(9)])
    patterns = np.array(list(itertools.product((-1, 1), repeat=9))) @ sums
    expected = np.mean(abs(patterns) >= abs(sums.sum()))
    assert sign_flip_test(differences, groups) == pytest.approx(expected, abs=1e-12)


def test_groups_make_a_difference_less_certain():
    differences, images = np.repeat([1] * 8 + [-1] * 2, 4), np.arange(40)
    assert sign_flip_test(differences, images) < 0.001
    assert sign_flip_test(differences, images // 4) == pytest.approx(
        stats.binomtest(2, 10).pvalue, abs=1e-12
    )


def test_many_groups_need_no_sampling():
    differences = np.random.default_rng(0).choice([-1, 0, 0, 1], 40_000)
    p = sign_flip_test(differences, np.arange(40_000) // 3)
    sums = np.bincount(np.arange(40_000) // 3, differences)
    normal = 2 * stats.norm.sf(abs(sums.sum()) / np.sqrt((sums**2).sum()))
    assert p == pytest.approx(normal, abs=0.01)


def test_holm_by_hand():
    adjusted = holm({"a": 0.04, "b": 0.01, "c": 0.03})
    assert list(adjusted) == ["a", "b", "c"]
    # 3 * 0.01, 2 * 0.03, and 0.04 raised to the one before it.
    assert adjusted == pytest.approx({"b": 0.03, "c": 0.06, "a": 0.06})
    assert holm({"a": 0.6, "b": 0.9}) == {"a": 1.0, "b": 1.0}
    assert holm({"a": 0.2}) == {"a": 0.2}
    assert holm({}) == {}
