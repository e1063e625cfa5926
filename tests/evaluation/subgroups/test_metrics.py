from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import accuracy_score, recall_score

from skinnet_keras.evaluation.subgroups.metrics import Scored, draw_lesions, measure


def scored_of(predictions) -> Scored:
    n = len(predictions.labels)
    return Scored.of(predictions, np.arange(n) // 2)


def test_equals_scikit_learn_on_the_rows(random_predictions):
    scored = scored_of(random_predictions(0, present=(0, 1, 4)))
    rows = np.arange(0, 300, 3)
    values = measure(scored, rows, [0, 1, 4])
    true, predicted = scored.true[rows], scored.predicted[rows]
    recalls = recall_score(true, predicted, labels=range(8), average=None, zero_division=np.nan)
    assert values["recall"][0] == pytest.approx(recalls, abs=1e-12, nan_ok=True)
    assert values["balanced_accuracy"][0] == pytest.approx(recalls[[0, 1, 4]].mean(), abs=1e-12)
    assert values["accuracy"][0] == pytest.approx(accuracy_score(true, predicted), abs=1e-12)
    melanoma = recall_score(true == 0, predicted == 0)
    specificity = recall_score(true != 0, predicted != 0)
    assert values["mel_sensitivity"][0] == pytest.approx(melanoma, abs=1e-12)
    assert values["mel_specificity"][0] == pytest.approx(specificity, abs=1e-12)
    gap = scored.probabilities[rows].max(axis=1).mean() - accuracy_score(true, predicted)
    assert values["overconfidence"][0] == pytest.approx(gap, abs=1e-12)


def test_an_absent_class_leaves_the_balanced_accuracy_undefined(random_predictions):
    scored = scored_of(random_predictions(1, present=(0, 1)))
    values = measure(scored, np.arange(300), [0, 1, 2])
    assert np.isnan(values["balanced_accuracy"][0])
    assert not np.isnan(values["accuracy"][0])


def test_draws_count_whole_lesions(random_predictions):
    scored = scored_of(random_predictions(2, n=80, present=range(3)))
    draws = draw_lesions(scored.lesions, 6, seed=3)
    assert draws.sum(axis=1).tolist() == [40] * 6
    rows = np.arange(10, 60)
    found = measure(scored, rows, [0, 1, 2], draws)
    for number, draw in enumerate(draws):
        again = np.repeat(rows, draw[scored.lesions[rows]])
        expected = measure(scored, again, [0, 1, 2])
        for key, values in found.items():
            assert values[number] == pytest.approx(expected[key][0], abs=1e-12, nan_ok=True)
