from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from skinnet_keras.evaluation.confusion import confusion_matrix, total_row
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.ranking import OperatingPoints
from skinnet_keras.taxonomy import CLASSES

HEADLINE = (
    "n",
    "errors_all",
    "errors_rare_5",
    "errors_rare_4",
    "fp_fn_rare_5",
    "fp_fn_rare_4",
    "balanced_accuracy",
    "accuracy",
    "wrecall",
    "wprecision",
    "wf1",
    "macro_specificity",
    "macro_f1",
    "kappa",
    "mcc",
    "macro_auc",
    "macro_average_precision",
    "macro_pauc",
    "macro_sensitivity_at_specificity",
    "macro_specificity_at_sensitivity",
    "per_class",
    "ci",
    "ci_per_class",
    "settings",
)
RATES = (
    *("specificity", "recall", "precision", "f1", "wrecall", "wprecision", "wf1"),
    *("auc", "average_precision", "pauc"),
    *("sensitivity_at_specificity", "specificity_at_sensitivity"),
)


@pytest.mark.parametrize("seed", range(5))
def test_identities(random_predictions, seed):
    predictions = random_predictions(seed)
    report = evaluate_predictions(predictions, bootstrap=0)
    rows, total = report["per_class"], total_row(report["per_class"])
    n, errors = report["n"], report["errors_all"]
    assert errors == sum(row["fn"] for row in rows.values())
    assert errors == sum(row["fp"] for row in rows.values())
    assert errors == pytest.approx(n * (1 - report["wrecall"]))
    assert report["wrecall"] == pytest.approx(report["accuracy"])
    assert report["errors_rare_4"] <= report["errors_rare_5"] <= report["errors_all"]
    assert report["fp_fn_rare_5"] >= report["errors_rare_5"]
    assert all(row["tp"] + row["fp"] + row["fn"] + row["tn"] == n for row in rows.values())
    assert total["specificity"] == pytest.approx(report["macro_specificity"], abs=1e-15)
    assert total["f1"] == pytest.approx(report["macro_f1"], abs=1e-15)
    for column in ("wrecall", "wprecision", "wf1"):
        assert total[column] == pytest.approx(report[column], abs=1e-15)


@pytest.mark.parametrize(
    "case",
    [
        {},
        {"decimals": 1},
        {"present": (0, 1, 2, 5)},
        {"present": (1,)},
        {"present": (0, 1, 3), "predicted": (1, 2, 7)},
        {"n": 1},
        {"n": 7},
    ],
)
@pytest.mark.parametrize("seed", range(4))
def test_equal_to_scikit_learn(random_predictions, case, seed):
    predictions = random_predictions(seed, **case)
    report = evaluate_predictions(predictions, bootstrap=0)
    true, predicted = predictions.true_indices(), predictions.predicted_indices()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # absent classes
        expected = {
            "accuracy": sk.accuracy_score(true, predicted),
            "balanced_accuracy": sk.balanced_accuracy_score(true, predicted),
            "wrecall": sk.recall_score(true, predicted, average="weighted"),
            "wprecision": sk.precision_score(true, predicted, average="weighted"),
            "wf1": sk.f1_score(true, predicted, average="weighted"),
            "macro_f1": sk.f1_score(true, predicted, average="macro"),
            "kappa": sk.cohen_kappa_score(true, predicted),
            "mcc": sk.matthews_corrcoef(true, predicted),
        }
        columns = dict(
            zip(
                ("precision", "recall", "f1", "support"),
                sk.precision_recall_fscore_support(
                    true, predicted, labels=range(8), zero_division=np.nan
                ),
                strict=True,
            )
        )
    for name, value in expected.items():
        assert report[name] == (None if np.isnan(value) else pytest.approx(value, abs=1e-12)), name
    matrix = sk.confusion_matrix(true, predicted, labels=range(8))
    assert np.array_equal(confusion_matrix(true, predicted, 8), matrix)
    for k, label in enumerate(CLASSES):
        row = report["per_class"][label]
        for name, values in columns.items():
            assert row[name] == (
                None if np.isnan(values[k]) else pytest.approx(values[k], abs=1e-12)
            ), (label, name)
        if 0 < (true == k).sum() < len(true):
            auc = sk.roc_auc_score(true == k, predictions.probabilities[:, k])
            assert row["auc"] == pytest.approx(auc, abs=1e-12)
        else:
            assert row["auc"] is row["pauc"] is row["sensitivity_at_specificity"] is None
        if (true == k).any():
            area = sk.average_precision_score(true == k, predictions.probabilities[:, k])
            assert row["average_precision"] == pytest.approx(area, abs=1e-12)
        else:
            assert row["average_precision"] is None
    if len(set(true)) == 8 and "decimals" not in case:
        auc = sk.roc_auc_score(true, predictions.probabilities, multi_class="ovr")
        assert report["macro_auc"] == pytest.approx(auc, abs=1e-12)


def test_the_report_has_exactly_the_contract_keys(random_predictions):
    report = evaluate_predictions(random_predictions(0, n=50), bootstrap=20)
    assert tuple(report) == HEADLINE
    assert list(report["per_class"]) == list(CLASSES)
    assert set(report["per_class"]["MEL"]) == {"support", "tp", "fp", "fn", "tn", *RATES}
    assert tuple(report["ci"]) == HEADLINE[1:-4]  # every headline number
    assert list(report["ci_per_class"]) == list(CLASSES)
    assert tuple(report["ci_per_class"]["MEL"]) == RATES
    for intervals in (report["ci"], report["ci_per_class"]["MEL"]):
        assert all(low <= high for low, high in intervals.values())
    assert report["settings"] == {
        **{"min_tpr": 0.8, "specificity": 0.95, "sensitivity": 0.95},
        **{"bootstrap": 20, "seed": 0, "groups": 50},
    }


def test_counts_are_whole_numbers(random_predictions):
    report = evaluate_predictions(random_predictions(0, n=50), bootstrap=0)
    assert all(isinstance(report[name], int) for name in HEADLINE[:6])
    assert isinstance(report["per_class"]["MEL"]["tp"], int)


def test_without_resamples_there_is_no_interval(random_predictions):
    report = evaluate_predictions(random_predictions(0, n=50), bootstrap=0)
    assert report["ci"] == report["ci_per_class"] == {}


def test_a_class_of_no_image_has_no_interval_and_no_part_in_macro_ones(random_predictions):
    report = evaluate_predictions(random_predictions(0, n=80, present=(0, 1, 2)), bootstrap=50)
    assert report["ci_per_class"]["SCC"]["auc"] is None
    assert report["per_class"]["SCC"]["auc"] is None
    areas = [report["per_class"][label]["auc"] for label in ("MEL", "NV", "BCC")]
    assert report["macro_auc"] == pytest.approx(np.mean(areas))


def test_a_perfect_rate_is_less_certain_the_fewer_lesions_stand_behind_it():
    # Three lesions of two melanomas each, one nevus; everything right.
    labels = [*["MEL"] * 6, "NV"]
    predictions = Predictions(
        [str(row) for row in range(7)],
        labels,
        np.array([[1.0, 0.0] if label == "MEL" else [0.0, 1.0] for label in labels]),
        ("MEL", "NV"),
        ["a", "a", "b", "b", "c", "c", "d"],
    )
    report = evaluate_predictions(predictions, bootstrap=500)
    melanoma = report["ci_per_class"]["MEL"]
    three, one = pytest.approx([0.025 ** (1 / 3), 1.0]), pytest.approx([0.025, 1.0])
    assert melanoma["recall"] == melanoma["precision"] == three
    assert melanoma["specificity"] == one
    assert report["ci"]["accuracy"] == pytest.approx([0.025 ** (1 / 4), 1.0])
    # No exact interval is known of these, and [1, 1] would be a lie.
    assert melanoma["auc"] is melanoma["f1"] is report["ci"]["kappa"] is None


def test_the_parameters_move_what_they_name(random_predictions):
    predictions = random_predictions(0)
    first = evaluate_predictions(predictions, bootstrap=0)
    points = OperatingPoints(min_tpr=0.0, specificity=0.5, sensitivity=0.5)
    second = evaluate_predictions(predictions, bootstrap=0, points=points)
    assert second["macro_pauc"] == pytest.approx(first["macro_auc"], abs=1e-12)
    for name in ("macro_sensitivity_at_specificity", "macro_specificity_at_sensitivity"):
        assert second[name] > first[name]
    assert second["macro_average_precision"] == first["macro_average_precision"]


def test_unlabelled_and_unknown_rows_are_left_out(random_predictions):
    whole = random_predictions(1, n=40)
    labels = [*whole.labels[:30], *[""] * 5, *["UNK"] * 5]
    mixed = Predictions(whole.image_ids, labels, whole.probabilities, CLASSES)
    first = Predictions(whole.image_ids[:30], whole.labels[:30], whole.probabilities[:30], CLASSES)
    assert evaluate_predictions(mixed) == evaluate_predictions(first)
    assert evaluate_predictions(mixed)["n"] == 30


def test_nothing_to_score_is_undefined_and_no_error():
    empty = Predictions(["a"], [""], np.full((1, 8), 1 / 8), CLASSES)
    report = evaluate_predictions(empty)
    assert report["n"] == report["errors_all"] == 0
    assert report["accuracy"] is report["wf1"] is report["macro_auc"] is None
