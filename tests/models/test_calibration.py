"""Calibration and abstention as layers compute what the evaluation computes from stored numbers."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.evaluation.abstention import selective
from skinnet_keras.evaluation.abstention.report import Abstention as StoredAbstention
from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.models.calibration import (
    ABSTENTION_SCORES,
    Abstention,
    LogitCalibration,
    calibrate_classifier,
)
from skinnet_keras.taxonomy import CLASSES
from tiny_run import SIZE, build_classifier

VECTOR = Calibration("vector", CLASSES, tuple(np.linspace(0.2, 2, 8)), tuple(np.linspace(-1, 1, 8)))


def _logits(rows: int = 50) -> np.ndarray:
    return np.random.default_rng(0).normal(0, 4, (rows, 8)).astype(np.float32)


def _probabilities(logits: np.ndarray) -> np.ndarray:
    return keras.ops.convert_to_numpy(keras.ops.softmax(logits)).astype(np.float64)


@pytest.mark.parametrize("calibration", [Calibration.of_temperature(CLASSES, 2.5), VECTOR])
@pytest.mark.parametrize("shift", [0.0, 30.0])
def test_layer_is_the_formula_for_stored_probabilities(calibration, shift):
    logits = _logits()
    layer = LogitCalibration(calibration.scale, calibration.bias)
    # A number added to all logits changes no probability, and must change none afterwards.
    result = _probabilities(layer(logits + np.float32(shift)))
    np.testing.assert_allclose(result, calibration.apply(_probabilities(logits)), atol=1e-5)


def test_probability_of_zero_is_bounded_as_it_is_for_stored_ones():
    logits = np.array([[0.0, -200.0, -300.0]], np.float32)
    calibration = Calibration.of_temperature(("a", "b", "c"), 10.0)
    result = _probabilities(LogitCalibration(calibration.scale, calibration.bias)(logits))
    expected = calibration.apply(np.array([[1.0, 0.0, 0.0]]))
    np.testing.assert_allclose(result, expected, atol=1e-6)
    assert result[0, 1] > 0.02


def test_scores_are_those_of_the_evaluation():
    assert ABSTENTION_SCORES == selective.SCORES


@pytest.mark.parametrize("score", ABSTENTION_SCORES)
def test_layer_abstains_where_the_stored_rule_does(score):
    probabilities = _probabilities(_logits(200))
    certainty = selective.confidence(probabilities, score)
    # Between two images, so that rounding decides nothing.
    threshold = float(np.sort(certainty)[60:62].mean())
    result = keras.ops.convert_to_numpy(Abstention(score, threshold)(np.float32(probabilities)))
    accepted = StoredAbstention(score, threshold, "coverage", 0.7).accepts(probabilities)
    np.testing.assert_array_equal(result[:, 0] == 1, ~accepted)
    assert 0 < result.mean() < 1


def test_no_threshold_abstains_always():
    assert keras.ops.convert_to_numpy(Abstention(threshold=None)(np.eye(3, dtype="float32"))).all()


def test_unknown_score_and_wrong_classes():
    with pytest.raises(ValueError, match="choose one of max_probability"):
        Abstention("energy")
    with pytest.raises(ValueError, match="do not fit 8 classes"):
        calibrate_classifier(build_classifier(), [1.0], [0.0])


def test_classifier_keeps_its_inputs_and_survives_saving(tmp_path):
    classifier = build_classifier()
    model = calibrate_classifier(classifier, VECTOR.scale, VECTOR.bias, abstention=("margin", 0.2))
    rng = np.random.default_rng(1)
    inputs = {
        "image": rng.uniform(0, 255, (6, SIZE, SIZE, 3)).astype("float32"),
        "mask": rng.integers(0, 2, (6, SIZE, SIZE, 1)).astype("float32"),
        "metadata": rng.uniform(0, 1, (6, 14)).astype("float32"),
    }
    plain = np.asarray(classifier(inputs)["diagnosis"], np.float64)
    model.save(tmp_path / "m.keras")
    restored = keras.models.load_model(tmp_path / "m.keras", compile=False, safe_mode=True)

    for outputs in (model(inputs), restored(inputs)):
        np.testing.assert_allclose(outputs["diagnosis"], VECTOR.apply(plain), atol=1e-5)
        expected = selective.confidence(plain, "margin") < 0.2
        np.testing.assert_array_equal(np.asarray(outputs["abstain"])[:, 0] == 1, expected)
