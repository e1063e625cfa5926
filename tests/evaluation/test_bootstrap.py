from __future__ import annotations

import time

import numpy as np
import pytest

from skinnet_keras.evaluation.bootstrap import (
    bootstrap_confusions,
    group_indices,
    percentile_interval,
    resampled_ratios,
)
from skinnet_keras.evaluation.metrics import evaluate_predictions

TRUE = np.array([0, 0, 1, 1, 2, 2])
PREDICTED = np.array([0, 1, 1, 1, 2, 0])


def test_every_resample_has_as_many_images_where_groups_are_images():
    stack = bootstrap_confusions(TRUE, PREDICTED, 3, None, resamples=50, seed=0)
    assert stack.shape == (50, 3, 3)
    assert (stack.sum(axis=(1, 2)) == 6).all()
    assert len({tuple(matrix.ravel()) for matrix in stack}) > 10


def test_images_of_a_group_are_drawn_together():
    groups = ["a", "a", "a", "b", "b", "b"]
    stack = bootstrap_confusions(TRUE, PREDICTED, 3, groups, resamples=50, seed=0)
    first, second = (
        bootstrap_confusions(part, guess, 3, ["one"] * 3, resamples=1, seed=0)[0]
        for part, guess in ((TRUE[:3], PREDICTED[:3]), (TRUE[3:], PREDICTED[3:]))
    )
    possible = {tuple((i * first + (2 - i) * second).ravel()) for i in range(3)}
    assert {tuple(matrix.ravel()) for matrix in stack} == possible


def test_one_group_never_varies():
    stack = bootstrap_confusions(TRUE, PREDICTED, 3, ["x"] * 6, resamples=5, seed=0)
    assert (stack == stack[0]).all()


def test_the_distribution_is_that_of_copying_images():
    rng = np.random.default_rng(3)
    true, predicted = rng.integers(0, 3, 60), rng.integers(0, 3, 60)
    groups = [f"g{k}" for k in rng.integers(0, 20, 60)]
    index = group_indices(groups, 60)
    members = [np.flatnonzero(index == g) for g in range(index.max() + 1)]
    naive = []
    for _ in range(4000):
        rows = np.concatenate([members[g] for g in rng.integers(0, len(members), len(members))])
        naive.append((true[rows] == predicted[rows]).mean())
    stack = bootstrap_confusions(true, predicted, 3, groups, resamples=4000, seed=1)
    ours = np.trace(stack, axis1=1, axis2=2) / stack.sum(axis=(1, 2))
    assert ours.mean() == pytest.approx(np.mean(naive), abs=0.006)
    assert ours.std() == pytest.approx(np.std(naive), rel=0.06)


def test_same_seed_same_interval_other_seed_another(random_predictions):
    predictions = random_predictions(0)
    first, again, other = (evaluate_predictions(predictions, seed=seed)["ci"] for seed in (0, 0, 1))
    assert first == again
    assert first != other


def test_intervals_hold_the_value_and_widen_with_groups(random_predictions):
    n = 300
    alone = evaluate_predictions(random_predictions(0, n=n))
    pairs = random_predictions(0, n=n, groups=[f"g{row // 10}" for row in range(n)])
    low, high = alone["ci"]["accuracy"]
    assert low < alone["accuracy"] < high
    # 95 % of a binomial share: 1.96 standard errors either way.
    p = alone["accuracy"]
    assert high - low == pytest.approx(2 * 1.96 * np.sqrt(p * (1 - p) / n), rel=0.1)
    assert set(alone["ci"]) == set(evaluate_predictions(pairs)["ci"])


def test_copies_of_one_image_in_a_group_add_no_certainty(random_predictions):
    single = random_predictions(0, n=100)
    copied = type(single)(
        image_ids=[f"{name}_{k}" for name in single.image_ids for k in range(4)],
        labels=[label for label in single.labels for _ in range(4)],
        probabilities=np.repeat(single.probabilities, 4, axis=0),
        classes=single.classes,
        groups=[name for name in single.image_ids for _ in range(4)],
    )
    assert evaluate_predictions(copied)["ci"]["accuracy"] == pytest.approx(
        evaluate_predictions(single)["ci"]["accuracy"], abs=0.011
    )


def test_nameless_groups_are_images_of_their_own():
    assert group_indices(["a", "", "a", ""], 4).tolist() == [0, 1, 0, 2]
    assert group_indices(None, 3).tolist() == [0, 1, 2]


def test_percentiles_leave_undefined_resamples_out():
    values = np.concatenate([np.arange(101.0), [np.nan]])
    assert percentile_interval(values, 0.9) == pytest.approx((5.0, 95.0))
    assert percentile_interval(np.array([np.nan])) is None


def test_two_thousand_resamples_of_5000_images_take_about_a_second(random_predictions):
    groups = [f"g{k}" for k in np.random.default_rng(0).integers(0, 3500, 5000)]
    predictions = random_predictions(0, n=5000, groups=groups)
    start = time.perf_counter()
    evaluate_predictions(predictions, bootstrap=2000)
    assert time.perf_counter() - start < 3.0  # 0.25 s on an idle core


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
