from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation.subgroups.gaps import exchange_subgroups, largest_gap


def test_the_largest_gap_its_interval_and_p_value_by_hand():
    values = np.array([0.5, 0.8, 0.6])
    # Ranges of the deviations from `values`: 0.1 in nineteen of twenty, 0.4 in one.
    draws = np.tile(values, (20, 1))
    draws[:19, 2] += 0.1
    draws[19, 2] -= 0.4
    draws[::2, :2] += 1e-9  # no value may be the same in all draws
    exchanged = np.array([[0.1, 0.4, 0.2], [0.2, 0.2, 0.2], [0.1, 0.41, 0.4], [np.nan, 0.1, 0.2]])
    gap = largest_gap(values, draws, exchanged)
    assert (gap.high, gap.low) == (1, 0)
    assert gap.difference == pytest.approx(0.3)
    margin = np.quantile([0.1] * 19 + [0.4], 0.95)
    assert gap.interval == pytest.approx((0.3 - margin, 0.3 + margin), abs=1e-6)
    assert gap.by_chance == pytest.approx((0.3 + 0 + 0.31) / 3)
    assert gap.p_value == pytest.approx((1 + 2) / (1 + 3))


def test_a_rate_that_no_resample_varies_gives_no_interval():
    values = np.array([1.0, 0.5])
    draws = np.column_stack([np.ones(5), [0.4, 0.5, 0.6, 0.5, 0.5]])
    assert largest_gap(values, draws, None).interval is None


def test_no_gap_without_two_values():
    assert largest_gap(np.array([0.5]), None, None) is None
    assert largest_gap(np.array([0.5, np.nan]), None, None) is None
    gap = largest_gap(np.array([0.5, 0.25]), None, None)
    assert (gap.interval, gap.by_chance, gap.p_value) == (None, None, None)


def test_exchanges_keep_groups_whole_and_classes_per_subgroup():
    true = np.array([0, 0, 1, 0, 1, 0, 1, 1, 1, 2])
    lesions = np.array([0, 1, 1, 2, 2, 3, 4, 5, 5, 6])
    codes = np.array([0, 1, 1, 0, 2, 1, 2, 0, 0, 1])
    seen = []

    def keep(exchanged: np.ndarray) -> np.ndarray:
        seen.append(exchanged)
        return np.zeros((len(exchanged), 3))

    exchange_subgroups(codes, true, lesions, keep, permutations=200, seed=0)
    seen = np.concatenate(seen)

    def table(row):
        return np.bincount(row * 3 + true, minlength=9)

    assert all(np.array_equal(table(row), table(codes)) for row in seen)
    # Lesions 1 and 2 hold one image of each of two classes: they trade both or none.
    pairs = {tuple(row[[1, 2, 3, 4]]) for row in seen}
    assert pairs == {(1, 1, 0, 2), (0, 2, 1, 1)}
    assert {tuple(row[[0, 5]]) for row in seen} == {(0, 1), (1, 0)}
    # The only ones of their kind: one image of class 1, two of class 1, one of class 2.
    assert (seen[:, [6, 7, 8, 9]] == codes[[6, 7, 8, 9]]).all()


def test_p_values_are_uniform_without_a_difference():
    rng = np.random.default_rng(0)
    p_values = []
    for seed in range(200):
        true = rng.integers(0, 2, 80)
        right = rng.random(80) < np.where(true, 0.6, 0.9)
        codes = np.where(true, rng.random(80) < 0.7, rng.random(80) < 0.3).astype(int)
        lesions = np.arange(80)

        def accuracy(exchanged, right=right):
            hits = [((exchanged == s) * right).sum(1) / (exchanged == s).sum(1) for s in (0, 1)]
            return np.stack(hits, axis=1)

        exchanged = exchange_subgroups(codes, true, lesions, accuracy, permutations=99, seed=seed)
        p_values.append(largest_gap(accuracy(codes[None])[0], None, exchanged).p_value)
    # The subgroups differ in their mix of classes and so in accuracy: that alone is no finding.
    assert 0.02 < np.mean(np.array(p_values) <= 0.1) < 0.18
