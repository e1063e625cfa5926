from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation.confusion import (
    confusion_matrix,
    errors_with,
    fp_fn,
    headline_metrics,
    per_class_metrics,
    per_class_table,
    total_row,
)
from skinnet_keras.taxonomy import CLASSES

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


def test_a_stack_of_matrices_gives_each_ones_metrics():
    stack = np.stack([SMALL, SMALL.T])
    for name, values in headline_metrics(stack, SMALL_CLASSES).items():
        single = [headline_metrics(matrix, SMALL_CLASSES)[name] for matrix in (SMALL, SMALL.T)]
        np.testing.assert_allclose(values, single, err_msg=name)
    assert per_class_metrics(stack)["recall"].shape == (2, 3)
