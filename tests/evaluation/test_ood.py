"""The report of known images against others."""

from __future__ import annotations

import json

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from skinnet_keras.evaluation.bootstrap import group_counts
from skinnet_keras.evaluation.detection import detection_auroc, false_positive_rate
from skinnet_keras.evaluation.ood import _resampled, detection_report, detection_table


def test_figures_intervals_and_table():
    rng = np.random.default_rng(0)
    inside = {"a": rng.normal(1, 1, 80), "b": rng.normal(0, 1, 80)}
    outside = {"x": {"a": rng.normal(0, 1, 40), "b": rng.normal(0, 1, 40)}}
    groups = [str(n // 2) for n in range(80)]
    report = detection_report(inside, outside, groups, {"x": None}, resamples=200)
    assert report["x"]["n"] == 40
    for score in "ab":
        row = report["x"]["scores"][score]
        both = np.concatenate([inside[score], outside["x"][score]])
        expected = roc_auc_score(np.arange(120) < 80, both)
        assert row["auroc"] == pytest.approx(expected, abs=1e-12)
        low, high = row["ci"]["auroc"]
        assert low < row["auroc"] < high
        assert 0 <= row["fpr_at_95_tpr"] <= 1
    assert report["x"]["scores"]["a"]["ci"]["auroc"][0] > 0.5
    json.dumps(report, allow_nan=False)
    table = detection_table(report, "tiny")
    assert table.headings == ("Score", "x (40): AUROC", "FPR at 95 % TPR")
    assert [row[0] for row in table.rows] == ["a", "b"]


def test_images_of_a_lesion_are_drawn_together():
    """Forty copies of one lesion and one other: the interval must see two lesions, not 41."""
    inside = {"a": np.array([1.0] * 40 + [0.0])}
    outside = {"x": {"a": np.full(50, 0.5)}}
    groups = ["one"] * 40 + ["two"]
    report = detection_report(inside, outside, groups, {"x": None}, resamples=400)
    assert report["x"]["scores"]["a"]["ci"]["auroc"] == [0.0, 1.0]


def test_no_resamples_give_no_intervals():
    scores = {"a": np.array([1.0, 2.0])}
    report = detection_report(scores, {"x": scores}, None, {"x": None}, resamples=0)
    assert report["x"]["scores"]["a"] == {
        "auroc": 0.5,
        "fpr_at_95_tpr": 1.0,
        "ci": {"auroc": None, "fpr_at_95_tpr": None},
    }


def test_resamples_are_those_of_copied_images():
    """The weights of the groups against drawing, copying and scoring the images themselves."""
    rng = np.random.default_rng(1)
    known, others = rng.integers(0, 9, 40).astype(float), rng.integers(0, 7, 30).astype(float)
    known_groups, other_groups = np.repeat(np.arange(20), 2), np.arange(30)
    found = _resampled(known, others, known_groups, other_groups, 25, seed=3)
    draws = [
        next(iter(group_counts(size, resamples=25, seed=3 + side, step=25))).astype(int)
        for side, size in enumerate((20, 30))
    ]
    for number, values in enumerate(found):
        a = np.repeat(known, draws[0][known_groups, number])
        b = np.repeat(others, draws[1][other_groups, number])
        expected = [detection_auroc(a, b), false_positive_rate(a, b)]
        np.testing.assert_allclose(values, expected, atol=1e-12)
