from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import log_loss

from skinnet_keras.evaluation.calibration.plot import plot_reliability
from skinnet_keras.evaluation.calibration.report import calibration_comparison, calibration_report
from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.taxonomy import CLASSES


def right(predictions, seed=0):
    """The same images with labels drawn from the probabilities: calibrated by construction."""
    p = predictions.probabilities
    drawn = (p.cumsum(axis=1) < np.random.default_rng(seed).random((len(p), 1))).sum(axis=1)
    return replace(predictions, labels=[CLASSES[k] for k in drawn])


def test_numbers_are_those_of_the_definitions(random_predictions):
    predictions = random_predictions(0)
    report = calibration_report(predictions, num_bins=1, bootstrap=0)
    p, true = predictions.probabilities, predictions.true_indices()
    assert report["nll"] == pytest.approx(log_loss(true, p, labels=range(8)), abs=1e-12)
    accuracy = (p.argmax(axis=1) == true).mean()
    assert report["ece"] == pytest.approx(abs(p.max(axis=1).mean() - accuracy), abs=1e-12)
    gaps = np.abs(p.mean(axis=0) - np.bincount(true, minlength=8) / len(true))
    assert report["class_wise_ece"] == pytest.approx(gaps.mean(), abs=1e-12)
    assert [row["ece"] for row in report["per_class"].values()] == pytest.approx(list(gaps))
    assert report["ci"] == {}


def test_intervals_hold_their_numbers_and_the_mean_ones_have_their_width(random_predictions):
    report = calibration_report(random_predictions(1), bootstrap=400)
    for name in ("nll", "brier", "ece", "class_wise_ece"):
        low, high = report["ci"][name]
        assert 0 <= low <= report[name] <= high
    p, true = random_predictions(1).probabilities, random_predictions(1).true_indices()
    error = np.log(p[np.arange(300), true]).std() / np.sqrt(300)
    low, high = report["ci"]["nll"]
    assert high - low == pytest.approx(2 * 1.96 * error, rel=0.15)
    json.dumps(report, allow_nan=False)


def test_the_interval_of_a_calibrated_model_holds_zero_and_that_of_another_does_not(
    random_predictions,
):
    reaches_zero = [
        calibration_report(right(random_predictions(seed), seed), bootstrap=100)["ci"]["ece"][0]
        for seed in range(12)
    ]
    assert sum(low == 0 for low in reaches_zero) >= 11
    cold = Calibration.of_temperature(CLASSES, 0.2).apply_to(right(random_predictions(0)))
    report = calibration_report(cold, bootstrap=100)
    assert report["ci"]["ece"][0] > 0.2


def test_copies_of_an_image_in_its_group_add_no_certainty(random_predictions):
    single = random_predictions(0, n=100)
    copied = replace(
        single,
        image_ids=[f"{name}_{k}" for name in single.image_ids for k in range(4)],
        labels=[label for label in single.labels for _ in range(4)],
        probabilities=np.repeat(single.probabilities, 4, axis=0),
        groups=[name for name in single.image_ids for _ in range(4)],
    )
    first, second, alone = (
        np.diff(calibration_report(item, bootstrap=400)["ci"]["brier"])[0]
        for item in (single, copied, replace(copied, groups=None))
    )
    assert second == pytest.approx(first, rel=1e-9)
    assert alone == pytest.approx(first / 2, rel=0.15)


def test_the_comparison_with_itself_changes_nothing(random_predictions):
    predictions = random_predictions(2)
    found = calibration_comparison(predictions, predictions, bootstrap=50)
    assert found["before"] == found["after"]
    assert found["decisions_changed"] == 0
    assert all(change == {"change": 0.0, "ci": [0.0, 0.0]} for change in found["changes"].values())


def test_changes_are_paired(random_predictions):
    before = right(random_predictions(3))
    after = Calibration.of_temperature(CLASSES, 1.3).apply_to(before)
    found = calibration_comparison(before, after, bootstrap=300)
    change = found["changes"]["nll"]
    assert change["change"] == pytest.approx(found["after"]["nll"] - found["before"]["nll"])
    unpaired = np.diff(found["before"]["ci"]["nll"])[0]
    assert np.diff(change["ci"])[0] < unpaired / 2
    assert found["decisions_changed"] == 0  # a temperature keeps them


def test_vector_scaling_says_how_many_decisions_it_changes(random_predictions):
    before = random_predictions(4)
    bias = (5.0, *[0.0] * 7)
    after = Calibration("vector", CLASSES, (1.0,) * 8, bias).apply_to(before)
    found = calibration_comparison(before, after, bootstrap=0)
    changed = (before.predicted_indices() != after.predicted_indices()).sum()
    assert found["decisions_changed"] == changed > 100
    assert found["changes"]["nll"]["ci"] is None


def test_the_reliability_diagram_is_drawn_with_an_absent_class(tmp_path, random_predictions):
    predictions = random_predictions(5, present=(0, 1, 4))
    after = Calibration.of_temperature(CLASSES, 0.5).apply_to(predictions)
    plot_reliability({"before": predictions, "after": after}, tmp_path / "r.png", title="run")
    plot_reliability({"before": predictions}, tmp_path / "one.png")
    assert (tmp_path / "r.png").stat().st_size > (tmp_path / "one.png").stat().st_size > 10_000
