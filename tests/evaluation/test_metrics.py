from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from skinnet_keras.evaluation.metrics import (
    binary_auc,
    confusion_matrix,
    errors_with,
    evaluate_predictions,
    fp_fn,
    headline_metrics,
    per_class_metrics,
    per_class_table,
    total_row,
)
from skinnet_keras.evaluation.predictions import Predictions
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
    "macro_auc",
    "per_class",
    "ci",
)
# Rows true, columns predicted; MEL, BKL (rare of five only), DF (rare in both readings).
SMALL_CLASSES = ("MEL", "BKL", "DF")
SMALL = np.array([[5, 2, 1], [1, 3, 1], [0, 2, 5]])


def test_confusion_matrix_has_true_rows_and_predicted_columns():
    matrix = confusion_matrix(np.array([0, 0, 2]), np.array([0, 1, 2]), 3)
    assert matrix.tolist() == [[1, 1, 0], [0, 0, 0], [0, 0, 1]]


def test_small_table_by_hand():
    rows = per_class_table(SMALL, SMALL_CLASSES)
    mel = rows["MEL"]
    assert (mel["tp"], mel["fp"], mel["fn"], mel["tn"], mel["support"]) == (5, 1, 3, 11, 8)
    assert mel["specificity"] == pytest.approx(11 / 12)
    assert mel["recall"] == pytest.approx(5 / 8)
    assert mel["precision"] == pytest.approx(5 / 6)
    assert mel["f1"] == pytest.approx(10 / 14)
    assert mel["wrecall"] == pytest.approx(8 / 20 * 5 / 8)
    assert mel["wprecision"] == pytest.approx(8 / 20 * 5 / 6)
    assert mel["wf1"] == pytest.approx(8 / 20 * 10 / 14)
    total = total_row(rows)
    assert total["recall"] == pytest.approx((5 / 8 + 3 / 5 + 5 / 7) / 3)
    assert total["wrecall"] == pytest.approx(13 / 20)


def test_rare_errors_by_hand():
    numbers = headline_metrics(SMALL, SMALL_CLASSES)
    assert numbers["errors_all"] == 7
    # MEL is only ever confused with the two others, so every error is a rare one.
    assert numbers["errors_rare_5"] == 7
    assert numbers["errors_rare_4"] == 1 + 1 + 2
    # BKL: FP 4, FN 2; DF: FP 2, FN 2. Errors between the two count twice.
    assert numbers["fp_fn_rare_5"] == 10
    assert numbers["fp_fn_rare_4"] == 4


def test_an_error_between_two_chosen_classes_is_one_error_and_two_of_fp_fn():
    matrix = np.array([[0, 1], [0, 0]])
    assert errors_with(matrix, [0, 1]) == 1
    assert fp_fn(matrix, [0, 1]) == 2


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
        assert report[name] == pytest.approx(value, abs=1e-12), name
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
            assert row["auc"] is None
    if len(set(true)) == 8 and "decimals" not in case:
        auc = sk.roc_auc_score(true, predictions.probabilities, multi_class="ovr")
        assert report["macro_auc"] == pytest.approx(auc, abs=1e-12)


def test_auc_counts_ties_half():
    assert binary_auc(np.array([True, False]), np.array([0.5, 0.5])) == 0.5
    assert binary_auc(np.array([True, False, False]), np.array([0.5, 0.5, 0.1])) == 0.75


def test_undefined_is_none_and_left_out_of_the_total_row():
    # SCC is neither true nor predicted, DF is predicted only, VASC is never predicted.
    matrix = np.zeros((8, 8), dtype=int)
    matrix[0, 0], matrix[6, 5] = 3, 1
    rows = per_class_table(matrix, CLASSES)
    assert rows["SCC"]["recall"] is rows["SCC"]["precision"] is rows["SCC"]["f1"] is None
    assert rows["DF"]["recall"] is None
    assert rows["DF"]["precision"] == 0.0
    assert rows["VASC"]["precision"] is None
    assert rows["VASC"]["wprecision"] is None
    assert total_row(rows)["recall"] == pytest.approx((1.0 + 0.0) / 2)
    assert total_row(rows)["wprecision"] == pytest.approx(3 / 4)


def test_the_report_has_exactly_the_contract_keys(random_predictions):
    report = evaluate_predictions(random_predictions(0, n=50), bootstrap=20)
    assert tuple(report) == HEADLINE
    assert list(report["per_class"]) == list(CLASSES)
    assert set(report["per_class"]["MEL"]) == {
        *("support", "specificity", "recall", "precision", "f1", "wrecall", "wprecision"),
        *("wf1", "tp", "fp", "fn", "tn", "auc"),
    }
    assert all(len(interval) == 2 for interval in report["ci"].values())
    assert evaluate_predictions(random_predictions(0, n=50), bootstrap=0)["ci"] == {}


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


def test_a_stack_of_matrices_gives_each_ones_metrics():
    stack = np.stack([SMALL, SMALL.T])
    for name, values in headline_metrics(stack, SMALL_CLASSES).items():
        single = [headline_metrics(matrix, SMALL_CLASSES)[name] for matrix in (SMALL, SMALL.T)]
        np.testing.assert_allclose(values, single, err_msg=name)
    assert per_class_metrics(stack)["recall"].shape == (2, 3)
