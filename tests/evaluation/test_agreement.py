from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn import metrics as sk

from skinnet_keras.evaluation.agreement import cohen_kappa, matthews_correlation
from skinnet_keras.evaluation.confusion import confusion_matrix


def test_two_raters_by_hand():
    # 35 of 50 agree; by chance 0.5 * 0.6 + 0.5 * 0.4 = 0.5 would.
    matrix = np.array([[20, 5], [10, 15]])
    assert cohen_kappa(matrix) == pytest.approx((0.7 - 0.5) / (1 - 0.5))
    assert matthews_correlation(matrix) == pytest.approx(
        (20 * 15 - 5 * 10) / np.sqrt(25 * 25 * 30 * 20)
    )


@pytest.mark.parametrize("seed", range(20))
def test_equal_to_scikit_learn_with_absent_classes(seed):
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 9))
    present = rng.choice(k, rng.integers(1, k + 1), replace=False)
    true, predicted = rng.choice(present, 40), rng.integers(0, k, 40)
    predicted = np.where(rng.random(40) < 0.5, true, predicted)
    matrix = confusion_matrix(true, predicted, k)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert cohen_kappa(matrix) == pytest.approx(
            sk.cohen_kappa_score(true, predicted), abs=1e-12, nan_ok=True
        )
        assert matthews_correlation(matrix) == pytest.approx(
            sk.matthews_corrcoef(true, predicted), abs=1e-12
        )


def test_one_class_alone_leaves_kappa_undefined_and_mcc_zero():
    matrix = np.diag([5, 0])
    assert np.isnan(cohen_kappa(matrix))
    assert matthews_correlation(matrix) == 0.0
    assert np.isnan(matthews_correlation(np.zeros((2, 2))))


def test_a_stack_and_a_million_images():
    stack = np.array([[[20, 5], [10, 15]], [[10**6, 10**5], [10**5, 10**6]]])
    for function in (cohen_kappa, matthews_correlation):
        assert function(stack) == pytest.approx([float(function(matrix)) for matrix in stack])
        assert function(stack)[1] == pytest.approx(9 / 11)
