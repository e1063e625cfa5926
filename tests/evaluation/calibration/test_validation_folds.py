from __future__ import annotations

import numpy as np

from skinnet_keras.evaluation.calibration.validation_folds import (
    simplest_of_the_best,
    validation_folds,
)


def test_every_image_is_left_out_once_with_its_whole_group():
    rng = np.random.default_rng(0)
    true = rng.integers(0, 4, 200)
    groups = [f"g{k}" for k in rng.integers(0, 80, 200)]
    folds = list(validation_folds(true, groups))
    assert len(folds) == 5
    np.testing.assert_array_equal(sum(kept.astype(int) for _, kept in folds), np.ones(200))
    for fitted, kept in folds:
        np.testing.assert_array_equal(fitted, ~kept)
        names = np.array(groups)
        assert not {*names[fitted]} & {*names[kept]}


def test_every_class_is_spread_over_the_folds():
    true = np.repeat([0, 1, 2], [100, 10, 5])
    counts = [np.bincount(true[kept], minlength=3) for _, kept in validation_folds(true, None)]
    np.testing.assert_array_equal(counts, [[20, 2, 1]] * 5)


def test_few_groups_make_few_folds():
    true = np.zeros(6, dtype=int)
    assert len(list(validation_folds(true, ["a", "a", "b", "b", "c", "c"]))) == 3
    assert list(validation_folds(true, ["a"] * 6)) == []


def test_the_simplest_within_a_standard_error_of_the_best():
    # Differences to "best": mean 0.5, standard error sqrt(4 * 0.5 ** 2) / 4 = 0.25; then 0.1, 0.25.
    best = np.zeros(4)
    losses = {
        "simple": np.array([1.0, 0.0, 1.0, 0.0]),
        "middle": np.array([0.6, -0.4, 0.6, -0.4]),
        "best": best,
    }
    chosen, means = simplest_of_the_best(losses, None)
    assert chosen == "middle"
    assert means == {"simple": 0.5, "middle": np.mean(losses["middle"]), "best": 0.0}


def test_images_of_one_lesion_prove_less():
    # Four equal differences of 0.5 and four of -0.1: mean 0.2.
    losses = {"simple": np.repeat([0.5, -0.1], 4), "best": np.zeros(8)}
    alone, _ = simplest_of_the_best(losses, None)  # standard error sqrt(8 * 0.09) / 8 = 0.106
    grouped, _ = simplest_of_the_best(losses, ["a"] * 4 + ["b"] * 4)  # sqrt(2 * 1.44) / 8 = 0.212
    assert (alone, grouped) == ("best", "simple")


def test_equal_candidates_are_decided_for_the_first():
    values = np.arange(5.0)
    assert simplest_of_the_best({"first": values, "second": values.copy()}, None)[0] == "first"
