from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss

from skinnet_keras.evaluation.calibration.metrics import (
    brier_decomposition,
    brier_scores,
    class_reliabilities,
    equal_mass_bins,
    reliability,
    top_label_reliability,
)


def test_a_table_of_two_bins():
    scores = np.array([0.1, 0.3, 0.6, 0.8])
    found = reliability(scores, np.array([False, True, True, True]), 2)
    np.testing.assert_array_equal(found.count, [2, 2])
    np.testing.assert_allclose(found.confidence, [0.2, 0.7])
    np.testing.assert_allclose(found.frequency, [0.5, 1.0])
    assert found.ece == pytest.approx(0.5 * 0.3 + 0.5 * 0.3)
    # By chance: sqrt(2 / pi * (.09 + .21)) / 2 and sqrt(2 / pi * (.24 + .16)) / 2.
    chance = [np.sqrt(2 / np.pi * v) / 2 for v in (0.30, 0.40)]
    assert found.ece_by_chance == pytest.approx(np.mean(chance))


def test_five_images_in_two_bins_are_three_and_two():
    bins = equal_mass_bins(np.array([0.5, 0.1, 0.4, 0.2, 0.3]), 2)
    np.testing.assert_array_equal(bins, [1, 0, 1, 0, 0])


def test_equal_scores_share_a_bin_whatever_their_order():
    scores = np.array([0.2, 0.5, 0.5, 0.5, 0.9, 0.5])
    bins = equal_mass_bins(scores, 3)
    # Ends at ranks 2 and 4 are both 0.5: one end, so two bins.
    np.testing.assert_array_equal(bins, [0, 0, 0, 0, 1, 0])
    order = np.random.default_rng(0).permutation(6)
    np.testing.assert_array_equal(equal_mass_bins(scores[order], 3), bins[order])
    happened = np.array([1, 0, 1, 1, 1, 0], dtype=bool)
    first, second = (reliability(scores[o], happened[o], 3).ece for o in (np.arange(6), order))
    assert first == pytest.approx(second, abs=1e-15)
    # 5 images: mean 0.44, 3 events; 1 image: 0.9, 1 event.
    assert first == pytest.approx(5 / 6 * abs(0.44 - 0.6) + 1 / 6 * 0.1)


@pytest.mark.parametrize(("n", "bins"), [(1, 15), (3, 15), (100, 7), (1000, 15)])
def test_bins_hold_about_as_many_images_each(n, bins):
    counts = np.bincount(equal_mass_bins(np.random.default_rng(0).random(n), bins))
    assert len(counts) == min(n, bins)
    assert counts.min() >= 1
    assert counts.max() - counts.min() <= 1


def test_top_label_and_classes_of_three_images():
    p = np.array([[0.7, 0.2, 0.1], [0.6, 0.3, 0.1], [0.1, 0.4, 0.5]])
    true = np.array([0, 1, 2])
    # One bin: mean confidence 0.6, 2 of 3 right.
    assert top_label_reliability(p, true, 1).ece == pytest.approx(abs(0.6 - 2 / 3))
    classes = class_reliabilities(p, true, 1)
    third = 1 / 3
    expected = [abs(1.4 / 3 - third), abs(0.9 / 3 - third), abs(0.7 / 3 - third)]
    assert [item.ece for item in classes] == pytest.approx(expected)
    # A bin an image: the gap of each image.
    assert top_label_reliability(p, true, 3).ece == pytest.approx((0.3 + 0.6 + 0.5) / 3)


def test_chance_is_what_right_probabilities_show():
    rng = np.random.default_rng(0)
    scores = rng.beta(2, 2, 400)
    simulated = [reliability(scores, rng.random(400) < scores).ece for _ in range(400)]
    stated = reliability(scores, scores > 2).ece_by_chance
    assert stated == pytest.approx(np.mean(simulated), rel=0.03)
    assert stated > 0.05  # not zero, although nothing is wrong
    limit = reliability(scores, scores > 2).ece_chance_limit
    assert limit == pytest.approx(np.quantile(simulated, 0.975), rel=0.04)


def test_probabilities_that_exceed_one_by_rounding_have_no_variance():
    assert reliability(np.array([1.0005, 1.0005]), np.array([True, True])).ece_by_chance == 0.0


def test_brier_of_two_images():
    p = np.array([[0.7, 0.2, 0.1], [0.0, 0.0, 1.0]])
    scores = brier_scores(p, np.array([0, 0]))
    np.testing.assert_allclose(scores, [0.09 + 0.04 + 0.01, 2.0])


@pytest.mark.parametrize("present", [range(8), (0, 1, 5), (1,)])
def test_brier_is_scikit_learns_and_the_sum_of_its_parts(random_predictions, present):
    predictions = random_predictions(4, present=present)
    p, true = predictions.probabilities, predictions.true_indices()
    brier = brier_scores(p, true).mean()
    expected = brier_score_loss(true, p, labels=range(8), scale_by_half=False)
    assert brier == pytest.approx(expected, abs=1e-12)
    parts = brier_decomposition(class_reliabilities(p, true, 5), brier)
    share = np.bincount(true, minlength=8) / len(true)
    assert parts["uncertainty"] == pytest.approx(1 - share @ share, abs=1e-12)
    total = parts["reliability"] - parts["resolution"] + parts["uncertainty"]
    assert total + parts["within_bins"] == pytest.approx(brier, abs=1e-12)


def test_parts_of_binned_probabilities_leave_nothing_over():
    # Two distinct rows and two bins, so every bin holds equal scores: Murphy's identity is exact.
    p = np.repeat([[0.8, 0.2], [0.3, 0.7]], 10, axis=0)
    true = np.array([0] * 7 + [1] * 3 + [0] * 4 + [1] * 6)
    parts = brier_decomposition(class_reliabilities(p, true, 2), brier_scores(p, true).mean())
    assert parts["within_bins"] == pytest.approx(0.0, abs=1e-15)
    assert parts["reliability"] == pytest.approx(2 * 0.5 * (0.1**2 + 0.1**2))
    assert parts["resolution"] == pytest.approx(2 * 0.15**2)
