from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from made_subgroups import make_predictions
from skinnet_keras.evaluation.bootstrap import percentile_interval, resampled_ratios
from skinnet_keras.evaluation.subgroups.attributes import Attribute
from skinnet_keras.evaluation.subgroups.report import subgroup_report


@pytest.fixture(scope="module")
def report():
    predictions, attribute = make_predictions()
    return subgroup_report(predictions, [attribute], bootstrap=1000)


def rows_of(report):
    return {row["name"]: row for row in report["attributes"]["sex"]["subgroups"]}


def test_figures_by_hand(report):
    rows = rows_of(report)
    assert report["attributes"]["sex"]["classes"] == ["MEL", "NV"]
    female, male = rows["female"]["metrics"], rows["male"]["metrics"]
    assert female["balanced_accuracy"] == pytest.approx((0.75 + 1) / 2)
    assert male["balanced_accuracy"] == pytest.approx((0.25 + 0.9) / 2)
    assert female["accuracy"] == pytest.approx(35 / 49)
    assert female["overconfidence"] == pytest.approx(0.8 - 35 / 49)
    assert (female["mel_sensitivity"], male["mel_sensitivity"]) == (0.75, 0.25)
    assert (female["mel_specificity"], male["mel_specificity"]) == (1.0, 0.9)
    # Pairs: P(MEL > NV on MEL) = 15/20 + 5/20 / 2, and on NV likewise.
    assert female["pair_auc"] == pytest.approx(0.875)
    assert rows["female"]["lesions_by_class"] == {"MEL": 20, "NV": 20, "BKL": 9}


def test_a_subgroup_without_a_class_is_not_compared_and_looks_no_better(report):
    absent = rows_of(report)["not recorded"]
    assert absent["images"] == 40
    assert not absent["compared"]
    assert absent["metrics"]["balanced_accuracy"] is None
    assert absent["metrics"]["pair_auc"] is None
    assert absent["metrics"]["mel_sensitivity"] is None
    assert absent["metrics"]["accuracy"] == 1.0
    assert report["attributes"]["sex"]["gaps"]["balanced_accuracy"]["high"] == "female"


def test_a_recall_of_nine_lesions_is_not_shown(report):
    female = rows_of(report)["female"]
    assert female["recall"] == {"MEL": 0.75, "NV": 1.0, "BKL": None}
    assert female["recall_ci"]["BKL"] is None


def test_all_images_are_measured_over_the_same_classes(report):
    overall = report["attributes"]["sex"]["all"]
    assert overall["images"] == report["n"] == report["lesions"] == 129
    assert overall["metrics"]["balanced_accuracy"] == pytest.approx((20 / 40 + 78 / 80) / 2)


def test_intervals_agree_with_the_bootstrap_of_the_other_verbs(report):
    predictions, _ = make_predictions()
    right = (predictions.true_indices() == predictions.predicted_indices()).astype(float)
    accuracy = resampled_ratios(
        right, np.ones(len(right)), predictions.groups, resamples=4000, seed=1
    )
    expected = percentile_interval(accuracy)
    found = report["attributes"]["sex"]["all"]["ci"]["accuracy"]
    assert found == pytest.approx(expected, abs=0.015)


def test_a_rate_of_one_has_the_exact_interval(report):
    low, high = rows_of(report)["not recorded"]["ci"]["accuracy"]
    assert high == 1.0
    assert low**40 == pytest.approx(0.025)  # the chance of 40 of 40 at the lower bound


def test_more_images_of_the_same_lesions_narrow_nothing():
    few, attribute = make_predictions()
    many, wider = make_predictions(images_a_lesion=5)
    first, second = (
        rows_of(subgroup_report(p, [a], bootstrap=500))["male"]
        for p, a in ((few, attribute), (many, wider))
    )
    assert second["images"] == 5 * first["images"]
    assert second["lesions"] == first["lesions"] == 40
    for key, interval in first["ci"].items():
        assert second["ci"][key] == pytest.approx(interval, abs=1e-12)
    without = subgroup_report(replace(many, groups=None), [wider], bootstrap=500)
    low, high = rows_of(without)["male"]["ci"]["accuracy"]
    assert high - low < 0.6 * (first["ci"]["accuracy"][1] - first["ci"]["accuracy"][0])


def test_the_known_gap_is_found_and_adjusted(report):
    gaps = report["attributes"]["sex"]["gaps"]
    gap = gaps["balanced_accuracy"]
    assert (gap["high"], gap["low"]) == ("female", "male")
    assert gap["difference"] == pytest.approx(0.875 - 0.575)
    assert gap["ci"][0] < 0.3 < gap["ci"][1]
    assert gap["by_chance"] < 0.15
    assert gap["p_value"] < 0.01
    assert gap["p_holm"] >= gap["p_value"]
    assert gaps["mel_sensitivity"]["difference"] == pytest.approx(0.5)
    # Three subgroups show a specificity, two of them of 1.
    assert gaps["mel_specificity"]["low"] == "male"


def test_no_gap_is_found_where_subgroups_are_drawn_by_lot():
    predictions, _ = make_predictions()
    codes = np.random.default_rng(0).integers(0, 2, len(predictions.labels))
    lot = Attribute("sex", ("female", "male"), codes)
    gaps = subgroup_report(predictions, [lot], bootstrap=500)["attributes"]["sex"]["gaps"]
    assert all(gap["p_holm"] > 0.05 for gap in gaps.values())
    assert all(gap["by_chance"] > 0 for gap in gaps.values())


def test_holm_counts_the_tests_of_all_attributes():
    predictions, attribute = make_predictions()
    other = replace(attribute, name="site")
    one = subgroup_report(predictions, [attribute], bootstrap=500)["attributes"]["sex"]["gaps"]
    two = subgroup_report(predictions, [attribute, other], bootstrap=500)["attributes"]["sex"]
    gap = two["gaps"]["balanced_accuracy"]
    assert gap["p_value"] == one["balanced_accuracy"]["p_value"]
    assert gap["p_holm"] == pytest.approx(2 * one["balanced_accuracy"]["p_holm"])


def test_warnings_name_what_is_too_small(report):
    assert report["attributes"]["sex"]["warnings"] == [
        "sex: fewer than 10 lesions of a class that balanced accuracy and AUC are compared over "
        "(MEL, NV): not recorded (MEL 0).",
        "sex: fewer than 10 melanomas, so no sensitivity is shown: not recorded (0).",
    ]
    predictions, _ = make_predictions()
    codes = np.where(np.arange(129) < 7, 0, 1)
    small = Attribute("sex", ("female", "male"), codes)
    part = subgroup_report(predictions, [small], bootstrap=0)["attributes"]["sex"]
    assert part["classes"] == []
    assert part["warnings"] == [
        "sex: fewer than 30 lesions, so no accuracy or calibration is shown: female (7).",
        "sex: no two subgroups share two classes with 10 lesions each, so balanced accuracy and "
        "AUC are not compared.",
        "sex: fewer than 10 melanomas, so no sensitivity is shown: female (7).",
    ]
    assert part["subgroups"][0]["metrics"] == dict.fromkeys(part["all"]["metrics"])
    whole = Attribute("sex", ("male",), np.zeros(129, dtype=int))
    part = subgroup_report(predictions, [whole], bootstrap=0)["attributes"]["sex"]
    assert part["warnings"] == ["sex: all images are of one subgroup, male."]


def test_without_bootstrap_there_are_values_alone():
    predictions, attribute = make_predictions()
    report = subgroup_report(predictions, [attribute], bootstrap=0)
    part = report["attributes"]["sex"]
    assert set(part["all"]["ci"].values()) == {None}
    gap = part["gaps"]["balanced_accuracy"]
    assert gap["difference"] == pytest.approx(0.3)
    assert (gap["ci"], gap["p_value"], gap["p_holm"]) == (None, None, None)
    json.dumps(report, allow_nan=False)


def test_a_model_without_melanoma_has_no_sensitivity(random_predictions):
    p = random_predictions(0, n=200, present=(1, 4))
    two = replace(p, classes=("NV", "BKL"), probabilities=np.tile([0.4, 0.6], (200, 1)))
    codes = np.arange(200) % 2
    part = subgroup_report(two, [Attribute("sex", ("a", "b"), codes)], bootstrap=50)
    part = part["attributes"]["sex"]
    assert part["classes"] == ["NV", "BKL"]
    assert part["all"]["metrics"]["balanced_accuracy"] == 0.5
    assert part["all"]["metrics"]["mel_sensitivity"] is None
    assert part["all"]["metrics"]["mel_specificity"] is None
    assert part["gaps"]["mel_specificity"] is None
