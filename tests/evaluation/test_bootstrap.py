from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from skinnet_keras.evaluation.bootstrap import (
    exact_interval,
    group_counts,
    group_indices,
    part_size,
    percentile_interval,
    resampled_ratios,
)


def test_every_resample_draws_as_many_groups_as_there_are():
    (counts,) = group_counts(7, resamples=50, seed=0, step=64)
    assert counts.shape == (7, 50)
    assert (counts.sum(axis=0) == 7).all()
    assert len({tuple(column) for column in counts.T}) > 40


def test_draws_are_the_seeds_and_not_the_steps():
    whole, parts, other = (
        np.hstack(list(group_counts(9, resamples=20, seed=seed, step=step)))
        for seed, step in ((3, 20), (3, 6), (4, 20))
    )
    assert np.array_equal(whole, parts)
    assert not np.array_equal(whole, other)


def test_counts_are_multinomial():
    (counts,) = group_counts(10, resamples=20_000, seed=0, step=20_000)
    assert counts.mean(axis=1) == pytest.approx(np.ones(10), abs=0.03)
    assert counts.var(axis=1) == pytest.approx(np.full(10, 0.9), abs=0.04)
    assert np.cov(counts)[0, 1] == pytest.approx(-0.1, abs=0.03)


@pytest.mark.parametrize("rows", [0, 1, 10_000, 10**8])
def test_a_part_is_at_least_one_resample_and_never_gibibytes(rows):
    assert part_size(rows) >= 1
    assert part_size(rows) * rows * 8 <= max(rows * 8, 2**23)


def test_nameless_groups_are_images_of_their_own():
    assert group_indices(["a", "", "a", ""], 4).tolist() == [0, 1, 0, 2]
    assert group_indices(None, 3).tolist() == [0, 1, 2]


def test_percentiles_leave_undefined_resamples_out():
    values = np.concatenate([np.arange(101.0), [np.nan]])
    assert percentile_interval(values, 0.9) == pytest.approx((5.0, 95.0))
    assert percentile_interval(np.array([np.nan])) is None


def test_resampled_ratios_of_two_groups_take_their_four_values():
    values = np.array([1.0, 3.0, 10.0])
    ratios = resampled_ratios(values, np.ones(3), ["a", "a", "b"], resamples=500, seed=0)
    # a a: 2; a b: 14 / 3; b b: 10.
    assert sorted(set(np.round(ratios, 6))) == [2.0, 4.666667, 10.0]
    assert np.mean(ratios == 10.0) == pytest.approx(0.25, abs=0.06)


def test_resampled_ratios_of_one_seed_are_paired():
    generator = np.random.default_rng(1)
    values = generator.random(50)
    groups = [str(i // 2) for i in range(50)]
    first, second = (
        resampled_ratios(v, np.ones(50), groups, resamples=100, seed=3)
        for v in (values, values + 0.25)
    )
    np.testing.assert_allclose(second - first, 0.25)


def test_resampled_ratios_in_parts_are_those_of_columns():
    generator = np.random.default_rng(1)
    above, below = generator.random((2, 40, 3))
    both = resampled_ratios(above, below, None, resamples=30, seed=0)
    assert both.shape == (30, 3)
    one = resampled_ratios(above[:, 1], below[:, 1], None, resamples=30, seed=0)
    np.testing.assert_allclose(both[:, 1], one)


@pytest.mark.parametrize(("right", "n"), [(0, 1), (0, 7), (7, 7), (300, 300)])
def test_the_interval_of_a_rate_of_0_or_1_is_that_of_clopper_and_pearson(right, n):
    expected = stats.binomtest(right, n).proportion_ci(method="exact")
    assert exact_interval(right / n, n) == pytest.approx((expected.low, expected.high), abs=1e-12)


def test_other_rates_and_none_have_no_exact_interval():
    assert exact_interval(0.5, 4) is exact_interval(1.0, 0) is None
