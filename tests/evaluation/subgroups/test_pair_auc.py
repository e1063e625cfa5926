from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skinnet_keras.evaluation.subgroups.pair_auc import PairAreas, pair_auc


def area(true, probabilities, classes, weights) -> np.ndarray:
    """Of images that are lesions of their own, with weights (R, N)."""
    areas = PairAreas(true, probabilities, classes, np.arange(len(true)))
    return pair_auc(areas(np.ascontiguousarray(weights.T)), classes)


def test_equals_scikit_learn_with_ties(random_predictions):
    for seed in range(5):
        p = random_predictions(seed, decimals=1)
        p.probabilities[:, 0] += 1 - p.probabilities.sum(axis=1)  # rounding broke the sums
        true = p.true_indices()
        expected = roc_auc_score(true, p.probabilities, multi_class="ovo", average="macro")
        found = area(true, p.probabilities, range(8), np.ones((1, len(true))))
        assert found == pytest.approx([expected], abs=1e-12)


def test_weights_are_repetitions(random_predictions):
    p = random_predictions(3, n=60, present=range(3))
    true, rng = p.true_indices(), np.random.default_rng(0)
    weights = rng.integers(0, 4, (20, 60))
    found = area(true, p.probabilities, [0, 1, 2], weights.astype(float))
    for row, value in zip(weights, found, strict=True):
        again = np.repeat(np.arange(60), row)
        expected = area(true[again], p.probabilities[again], [0, 1, 2], np.ones((1, len(again))))
        assert value == pytest.approx(expected[0], abs=1e-12)


def test_does_not_depend_on_how_frequent_classes_are_nor_on_other_classes(random_predictions):
    p = random_predictions(4, n=300, present=range(4))
    true = p.true_indices()
    once = area(true, p.probabilities, [0, 2], np.ones((1, 300)))
    weights = np.where(true == 2, 7.0, np.where(true == 1, 50.0, 1.0))[None]
    assert area(true, p.probabilities, [0, 2], weights) == pytest.approx(once, abs=1e-12)


def test_is_undefined_without_a_class_of_the_pair():
    true, probabilities = np.array([0, 0, 1]), np.full((3, 3), 1 / 3)
    assert np.isnan(area(true, probabilities, [0, 2], np.ones((1, 3)))).all()
    assert np.isnan(area(true, probabilities, [0], np.ones((2, 3)))).tolist() == [True, True]
    assert area(true, probabilities, [0, 1], np.ones((1, 3))).tolist() == [0.5]


def test_pairs_by_brute_force_and_only_those_asked_for():
    rng = np.random.default_rng(5)
    true = rng.choice(4, 200, p=(0.6, 0.25, 0.1, 0.05))  # rarer and commoner on either side
    probabilities = rng.integers(0, 6, (200, 4)) / 5  # many ties
    lesions = rng.permutation(np.repeat(np.arange(80), [3] * 40 + [2] * 40))
    weights = rng.integers(0, 3, (80, 5)).astype(float)
    areas = PairAreas(true, probabilities, [0, 1, 3], lesions)(weights)
    for i in range(4):
        for j in range(4):
            if i == j or 2 in (i, j):
                assert np.isnan(areas[:, i, j]).all()
                continue
            p, q = probabilities[true == i, i], probabilities[true == j, i]
            wins = (p[:, None] > q) + 0.5 * (p[:, None] == q)
            a, b = weights[lesions[true == i]], weights[lesions[true == j]]
            expected = np.einsum("pr,pq,qr->r", a, wins, b) / (a.sum(0) * b.sum(0))
            np.testing.assert_allclose(areas[:, i, j], expected, atol=1e-12)
