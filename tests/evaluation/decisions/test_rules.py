from __future__ import annotations

import json

import numpy as np
import pytest

from skinnet_keras.evaluation.abstention.costs import costs_by_coverage
from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.evaluation.decisions.costs import Costs
from skinnet_keras.evaluation.decisions.report import decide_by_rules, decision_report
from skinnet_keras.evaluation.decisions.rules import (
    Thresholds,
    argmax_decisions,
    best_constant,
    minimum_cost_decisions,
    outcome_flags,
)
from skinnet_keras.evaluation.decisions.thresholds import PENALTIES, fit_thresholds
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.taxonomy import CLASSES

TWO = Costs("two", "an excision", ("MEL", "NV"), np.array([[0.0, 20.0], [1.0, 0.0]]))
EQUAL = Costs("equal", "an error", CLASSES, 1.0 - np.eye(8))


def some_costs(seed: int) -> Costs:
    matrix = np.random.default_rng(seed).uniform(0.1, 5, (8, 8))
    matrix[0] *= 10
    np.fill_diagonal(matrix, 0.0)
    return Costs("some", "one", CLASSES, matrix)


def test_bayes_rule_excises_from_one_in_twenty_one_on():
    p = np.array([0.04, 1 / 21 - 1e-6, 1 / 21 + 1e-6, 0.06])
    decided = minimum_cost_decisions(np.column_stack([p, 1 - p]), TWO.matrix)
    np.testing.assert_array_equal(decided, [1, 1, 0, 0])


def test_equal_costs_give_the_most_probable_class(random_predictions):
    p = random_predictions(0, decimals=1).probabilities  # with ties
    np.testing.assert_array_equal(minimum_cost_decisions(p, EQUAL.matrix), p.argmax(axis=1))


def test_of_equally_cheap_decisions_the_most_probable_is_taken():
    free = np.zeros((3, 3))
    np.testing.assert_array_equal(minimum_cost_decisions(np.array([[0.2, 0.5, 0.3]]), free), [1])


def test_right_probabilities_make_bayes_rule_the_cheapest(random_predictions):
    p, costs = random_predictions(1, n=1500).probabilities, some_costs(0)
    true = (p.cumsum(axis=1) < np.random.default_rng(0).random((1500, 1))).sum(axis=1)

    def mean_cost(decided):
        return costs.matrix[true, decided].mean()

    bayes = mean_cost(minimum_cost_decisions(p, costs.matrix))
    thresholds = fit_thresholds(p, true, costs).thresholds
    assert bayes < mean_cost(argmax_decisions(p)) - 0.1
    assert bayes < mean_cost(thresholds.decide(p)) + 0.02
    assert bayes < mean_cost(np.full(1500, best_constant(true, costs.matrix)))


def test_thresholds_are_ratios():
    p = np.array([[0.2, 0.8], [0.3, 0.7]])
    for values in ((0.3, 0.9), (1.0, 3.0)):
        decided = Thresholds(("MEL", "NV"), values).decide(p)
        np.testing.assert_array_equal(decided, [1, 0])  # 0.25 < 1/3 < 0.43
    np.testing.assert_array_equal(Thresholds(("MEL", "NV"), (2.0, 2.0)).decide(p), [1, 1])


def test_thresholds_as_json():
    thresholds = Thresholds(("MEL", "NV"), (0.3, 0.9))
    assert Thresholds.from_json(json.loads(json.dumps(thresholds.to_json()))) == thresholds
    for data in ([0.3, 0.9], {"MEL": None}, {"MEL": 0.0}, {"MEL": float("nan")}, None):
        with pytest.raises(ValueError, match="its thresholds must be"):
            Thresholds.from_json(data)
    with pytest.raises(ValueError, match="each of its 2 classes"):
        Thresholds(("MEL", "NV"), (1.0,))


def toy(n_each: int = 40) -> tuple[np.ndarray, np.ndarray]:
    """Melanomas score 0.2..0.3, half of the naevi 0.05..0.15, the others 0.35..0.45."""
    line = np.linspace(0.0, 0.1, n_each)
    p = np.concatenate([0.2 + line, 0.05 + line, 0.35 + line])
    return np.column_stack([p, 1 - p]), np.repeat([0, 1, 1], n_each)


def test_thresholds_of_a_toy_whose_best_cut_is_known():
    p, true = toy()
    fit = fit_thresholds(p, true, TWO)
    # Argmax misses every melanoma; the cut belongs between the naevi below and the melanomas.
    ratio = fit.thresholds.values[0] / fit.thresholds.values[1]
    assert 0.15 / 0.85 < ratio < 0.2 / 0.8
    np.testing.assert_array_equal(fit.thresholds.decide(p), np.repeat([0, 1, 0], 40))
    assert fit.held_out_cost["argmax"] == pytest.approx(20 / 3)
    assert np.prod(fit.thresholds.values) == pytest.approx(1.0)


def test_where_a_naevus_costs_as_much_the_toy_stays_with_argmax():
    p, true = toy()
    even = Costs("even", "one", ("MEL", "NV"), 1.0 - np.eye(2))
    fit = fit_thresholds(p, true, even)
    # Any cut that finds the 40 melanomas takes the 40 naevi above them too: nothing gained.
    assert fit.thresholds.values == (1.0, 1.0)
    assert fit.penalty is None


def test_a_class_of_few_images_keeps_its_weight():
    p, true = toy()
    few = np.concatenate([np.arange(5), np.arange(40, 120)])  # five melanomas
    both = fit_thresholds(p[few], true[few], TWO).thresholds.values
    # Only NV may be tuned then: of two classes that is the same cut, of three it is not.
    assert both[0] * both[1] == pytest.approx(1.0)
    three = np.column_stack([p[few] * 0.9, np.full(len(few), 0.1)])
    costs = Costs("three", "one", ("MEL", "NV", "DF"), 1.0 - np.eye(3))
    values = fit_thresholds(three, true[few], costs).thresholds.values
    assert values[0] == values[2]


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [20, 300])
def test_thresholds_never_cost_more_than_argmax_on_what_they_were_fitted_to(
    random_predictions, seed, n
):
    predictions = random_predictions(seed, n=n, groups=[f"g{row // 3}" for row in range(n)])
    p, true, costs = predictions.probabilities, predictions.true_indices(), some_costs(seed)
    fit = fit_thresholds(p, true, costs, predictions.groups)
    tuned, plain = (costs.matrix[true, d].sum() for d in (fit.thresholds.decide(p), p.argmax(1)))
    assert tuned <= plain
    again = fit_thresholds(p, true, costs, predictions.groups)
    assert again.thresholds == fit.thresholds
    assert fit.penalty is None or fit.penalty in PENALTIES


def test_one_coordinate_step_is_the_best_of_a_fine_grid(random_predictions):
    from skinnet_keras.evaluation.decisions.thresholds import _best_weight, _total

    predictions = random_predictions(7)
    logs, true = np.log(predictions.probabilities), predictions.true_indices()
    matrix, weights = some_costs(1).matrix, np.random.default_rng(0).normal(size=8) * 0.3
    for c in range(8):
        for strength in (0.0, 5.0):

            def total(value, c=c, strength=strength):
                trial = weights.copy()
                trial[c] = value
                return _total(logs, true, matrix, trial, strength)

            found = total(_best_weight(logs, true, matrix, weights, c, strength))
            least = min(total(value) for value in np.linspace(-6, 6, 601))
            # With a penalty the middle of a gap may lose to its edge, by less than a gap's width.
            assert found <= least + (1e-9 if strength == 0 else 0.05 * strength)


def test_outcomes_of_hand_made_decisions():
    names = ("MEL", "NV", "BCC", "AK", "UNK")
    true, decided = np.array(
        [
            *[(0, 0), (0, 1), (0, 2), (0, 3)],  # melanoma: found, missed, excised as BCC, as AK
            *[(1, 0), (1, 1), (1, 3)],  # naevus: excised, right, treated as AK
            *[(2, 1), (2, 4), (3, 0), (3, 1), (4, 2)],  # BCC left, referred; AK; UNK
        ]
    ).T
    flags = {name: np.flatnonzero(flag).tolist() for name, flag in
             outcome_flags(true, decided, names).items()}  # fmt: skip
    assert flags == {
        "missed_melanoma": [1, 2, 3],
        "missed_malignant": [1, 3, 7, 8],
        "unnecessary_excision": [4],
    }


def test_report_of_four_images_in_two_lesions():
    images = Predictions(
        list("abcd"), ["MEL", "MEL", "NV", "NV"], np.full((4, 2), 0.5), ("MEL", "NV"), list("xxyy")
    )
    decided = {"argmax": np.array([1, 0, 1, 1]), "all": np.zeros(4, dtype=int)}
    report = decision_report(images, decided, TWO, bootstrap=300)
    first, second = report["rules"]["argmax"], report["rules"]["all"]
    assert (report["n"], report["melanomas"], report["malignant"]) == (4, 2, 2)
    assert (first["mean_cost"], second["mean_cost"]) == (5.0, 0.5)
    assert second["difference"] == -4.5
    # Resamples: x twice 10 and 0, x and y 5 and 0.5, y twice 0 and 1; differences -10, -4.5, 1.
    assert first["ci"] == [0.0, 10.0]
    assert second["ci"] == [0.0, 1.0]
    assert second["difference_ci"] == [-10.0, 1.0]
    assert first["difference_ci"] == [0.0, 0.0]
    assert (first["missed_melanoma"], first["unnecessary_excision"]) == (1, 0)
    assert (second["missed_melanoma"], second["unnecessary_excision"]) == (0, 2)
    assert (first["balanced_accuracy"], second["balanced_accuracy"]) == (0.75, 0.5)
    assert decision_report(images, decided, TWO, bootstrap=0)["rules"]["all"]["ci"] is None


def test_every_rule_decides(random_predictions):
    raw = random_predictions(8)
    bias = (2.0, *[0.0] * 7)
    calibrated = Calibration("vector", CLASSES, (1.0,) * 8, bias).apply_to(raw)
    costs = some_costs(2)
    thresholds = Thresholds(CLASSES, (0.1, *[1.0] * 7))
    rules = decide_by_rules(raw, calibrated, costs, thresholds, 3)
    assert next(iter(rules)) == "argmax"
    np.testing.assert_array_equal(rules["argmax"], raw.predicted_indices())
    np.testing.assert_array_equal(rules["argmax, calibrated"], calibrated.predicted_indices())
    np.testing.assert_array_equal(
        rules["thresholds, calibrated"], thresholds.decide(calibrated.probabilities)
    )
    assert (rules["always AK"] == 3).all()
    least = rules["least expected cost, calibrated"]
    np.testing.assert_array_equal(least, (calibrated.probabilities @ costs.matrix).argmin(axis=1))
    assert (least != rules["least expected cost, uncalibrated"]).any()


def test_costs_where_decisions_are_deferred():
    p = np.array([[0.9, 0.1], [0.5, 0.5], [0.01, 0.99], [0.04, 0.96]])
    true, decided = np.array([0, 1, 1, 0]), np.array([0, 0, 1, 1])
    # Expected costs of the decisions: 0.1, 0.5, 0.2, 0.8; the last is the missed melanoma.
    rows = costs_by_coverage(p, true, decided, TWO, coverages=(0.5, 0.75, 1.0))
    assert [row["accepted"] for row in rows] == [2, 3, 4]
    assert [row["mean_cost"] for row in rows] == pytest.approx([0.0, 1 / 3, 21 / 4])
    assert [row["melanoma"] for row in rows] == [1, 1, 2]
    assert [row["missed_melanoma"] for row in rows] == [0, 0, 1]
    assert [row["missed_malignant"] for row in rows] == [0, 0, 1]
