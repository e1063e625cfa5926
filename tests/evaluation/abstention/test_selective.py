from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from scipy.stats import binom, entropy

from skinnet_keras.evaluation.abstention.plot import plot_risk_coverage
from skinnet_keras.evaluation.abstention.report import (
    Abstention,
    abstention_report,
    choose_abstention,
)
from skinnet_keras.evaluation.abstention.selective import (
    SCORES,
    area_under_risk,
    by_class,
    confidence,
    excess_area_under_risk,
    risk_at,
    selective_risks,
    threshold_for_coverage,
    threshold_for_risk,
    upper_bound,
)


def test_scores_of_two_images():
    p = np.array([[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
    np.testing.assert_allclose(confidence(p, "max_probability"), [0.7, 1.0])
    np.testing.assert_allclose(confidence(p, "margin"), [0.5, 1.0])
    np.testing.assert_allclose(confidence(p, "entropy"), [-entropy(p[0]), 0.0])
    with pytest.raises(ValueError, match="energy"):
        confidence(p, "energy")


def test_a_curve_by_hand():
    certainty, wrong = np.array([0.9, 0.6, 0.8, 0.7]), np.array([0.0, 1.0, 1.0, 0.0])
    np.testing.assert_allclose(selective_risks(certainty, wrong), [0, 1 / 2, 1 / 3, 2 / 4])
    assert area_under_risk(certainty, wrong) == pytest.approx((0 + 1 / 2 + 1 / 3 + 1 / 2) / 4)
    # The best order has both errors last: 0, 0, 1/3, 1/2.
    best = (1 / 3 + 1 / 2) / 4
    assert excess_area_under_risk(certainty, wrong) == pytest.approx(1 / 3 - best)


def test_equals_count_with_their_mean():
    certainty, wrong = np.array([0.9, 0.5, 0.5, 0.1]), np.array([0.0, 1.0, 0.0, 1.0])
    np.testing.assert_allclose(selective_risks(certainty, wrong), [0, 0.25, 1 / 3, 0.5])
    # The mean over the two orders of the equals.
    orders = [selective_risks(np.array([0.9, *middle, 0.1]), wrong)
              for middle in ((0.5, 0.4), (0.4, 0.5))]  # fmt: skip
    np.testing.assert_allclose(np.mean(orders, axis=0), selective_risks(certainty, wrong))


@pytest.mark.parametrize("seed", range(3))
def test_identities(seed):
    rng = np.random.default_rng(seed)
    wrong = (rng.random(200) < 0.3).astype(float)
    risk = wrong.mean()
    assert area_under_risk(np.zeros(200), wrong) == pytest.approx(risk)  # no order: the risk
    assert excess_area_under_risk(-wrong, wrong) == 0.0
    assert area_under_risk(-wrong, wrong) < area_under_risk(rng.random(200), wrong)
    assert area_under_risk(wrong, wrong) > risk
    random = np.mean([area_under_risk(rng.random(200), wrong) for _ in range(300)])
    assert random == pytest.approx(risk, abs=0.01)
    assert selective_risks(rng.random(200), wrong)[-1] == pytest.approx(risk)
    order = rng.permutation(200)
    certainty = rng.random(200).round(1)  # ties
    assert area_under_risk(certainty[order], wrong[order]) == pytest.approx(
        area_under_risk(certainty, wrong), abs=1e-12
    )


def test_risk_at_a_coverage_accepts_at_least_that_share():
    risks = np.array([0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9])
    assert risk_at(risks, 1.0) == 0.9
    assert risk_at(risks, 0.3) == 0.2  # 0.3 * 10 is a little more than 3 in floating point
    assert risk_at(risks, 0.31) == 0.3
    assert risk_at(risks, 0.01) == 0.0


def test_the_threshold_of_a_coverage():
    certainty = np.array([0.1, 0.4, 0.4, 0.8, 0.9])
    assert threshold_for_coverage(certainty, 0.2) == 0.9
    assert threshold_for_coverage(certainty, 0.6) == 0.4  # four images, as two are equal
    assert threshold_for_coverage(certainty, 1.0) == 0.1


def test_the_bound_is_exact():
    bound = upper_bound(3, 50, 0.05)
    assert binom.cdf(3, 50, bound) == pytest.approx(0.05)
    assert upper_bound(50, 50, 0.05) == 1.0
    assert upper_bound(0, 10, 0.05) == pytest.approx(1 - 0.05**0.1)


def test_the_threshold_of_a_risk_accepts_what_is_surely_right():
    certainty = np.arange(400) / 400
    wrong = (certainty < 0.5) & (np.arange(400) % 2 == 0)  # every other one of the lower half
    threshold = threshold_for_risk(certainty, wrong, 0.05)
    accepted = certainty >= threshold
    assert 0.4 < threshold <= 0.5
    assert upper_bound(int(wrong[accepted].sum()), int(accepted.sum()), 0.05 / 9) <= 0.05
    assert threshold_for_risk(certainty, wrong, 0.001) is None  # 200 images cannot prove that
    assert threshold_for_risk(certainty, wrong, 0.5) == 0.0


def test_the_guarantee_holds_on_new_images():
    broken = 0
    for seed in range(200):
        rng = np.random.default_rng(seed)
        certainty = rng.random(200)
        wrong = rng.random(200) > certainty
        threshold = threshold_for_risk(certainty, wrong, 0.25)
        # The true risk above t is the mean of 1 - u over t..1.
        broken += threshold is not None and (1 - threshold) / 2 > 0.25
    assert broken <= 10


def test_what_abstaining_does_to_classes():
    true, decided = np.array([0, 0, 0, 1, 1]), np.array([0, 1, 0, 1, 0])
    accepted = np.array([True, True, False, True, True])
    table = by_class(true, decided, accepted, ("MEL", "NV", "BCC"))
    assert table["MEL"] == {
        **{"support": 3, "accepted": 2, "coverage": 2 / 3, "errors": 1},
        **{"recall": 2 / 3, "recall_accepted": 0.5},
    }
    assert table["NV"]["coverage"] == 1.0
    assert table["BCC"] == {
        **{"support": 0, "accepted": 0, "coverage": None, "errors": 0},
        **{"recall": None, "recall_accepted": None},
    }


def test_an_abstention_that_drops_all_melanomas_is_named(random_predictions):
    predictions = random_predictions(0)
    p = predictions.probabilities.copy()
    p[predictions.true_indices() == 0] = 1 / 8
    images = replace(predictions, probabilities=p)
    report = abstention_report(images, Abstention("margin", 0.01, "coverage", 0.8), bootstrap=0)
    chosen = report["chosen"]
    assert chosen["deferred_whole"] == ["MEL"]
    assert chosen["per_class"]["MEL"]["coverage"] == 0.0
    assert chosen["per_class"]["MEL"]["recall_accepted"] is None


def test_the_report_of_validation_images_reaches_its_target(random_predictions):
    images = random_predictions(1, groups=[f"g{row // 2}" for row in range(300)])
    abstention = choose_abstention(images, coverage=0.7)
    report = abstention_report(images, abstention, bootstrap=200)
    chosen = report["chosen"]
    assert chosen["coverage"] == 0.7
    assert chosen["risk"] == report["scores"]["max_probability"]["risk_at"]["0.7"]
    for name in ("coverage", "risk"):
        low, high = chosen[f"{name}_ci"]
        assert low < chosen[name] < high
    assert report["risk"] == report["scores"]["entropy"]["risk_at"]["1"]
    assert list(report["scores"]) == list(SCORES)
    json.dumps(report, allow_nan=False)


def test_nothing_accepted_is_no_error(random_predictions):
    images = random_predictions(2)
    abstention = choose_abstention(images, risk=1e-6)
    assert abstention.threshold is None
    report = abstention_report(images, abstention, bootstrap=20)
    assert report["chosen"]["coverage"] == 0.0
    assert report["chosen"]["risk"] is None
    assert report["chosen"]["risk_ci"] is None
    json.dumps(report, allow_nan=False)


def test_one_target_is_needed(random_predictions):
    for targets in ({}, {"coverage": 0.5, "risk": 0.1}):
        with pytest.raises(ValueError, match="either"):
            choose_abstention(random_predictions(0), **targets)


def test_abstention_as_json():
    for abstention in (
        Abstention("entropy", -0.3, "coverage", 0.8),
        Abstention("margin", None, "risk", 0.1),
    ):
        assert Abstention.from_json(json.loads(json.dumps(asdict(abstention)))) == abstention
    good = {"score": "margin", "threshold": 0.1, "target": "risk", "value": 0.1}
    for change in ({"score": "energy"}, {"threshold": float("nan")}, {"value": None}):
        with pytest.raises(ValueError, match="its"):
            Abstention.from_json({**good, **change})
    with pytest.raises(ValueError, match="lacks"):
        Abstention.from_json(None)


def test_the_plot_is_drawn(tmp_path, random_predictions):
    plot_risk_coverage(random_predictions(3, present=(0, 1)), tmp_path / "r.png", title="run")
    assert (tmp_path / "r.png").stat().st_size > 10_000
