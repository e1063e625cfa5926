from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.calibration.scaling import (
    SMALLEST,
    Calibration,
    log_probabilities,
    softmax,
)
from skinnet_keras.taxonomy import CLASSES

VECTOR = Calibration("vector", ("MEL", "NV", "BCC"), (1.0, 0.5, 2.0), (0.0, 1.0, -1.0))


def test_a_temperature_of_two_takes_square_roots():
    calibrated = Calibration.of_temperature(("MEL", "NV"), 2.0).apply(np.array([[0.9, 0.1]]))
    np.testing.assert_allclose(calibrated, [[0.75, 0.25]])  # 3 to 1


def test_vector_scaling_is_a_power_and_a_factor_of_each_probability():
    p = np.array([[0.5, 0.25, 0.25], [0.1, 0.2, 0.7]])
    weights = p ** np.array([1.0, 0.5, 2.0]) * np.exp([0.0, 1.0, -1.0])
    expected = weights / weights.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(VECTOR.apply(p), expected, rtol=1e-12)
    np.testing.assert_allclose(VECTOR.apply(p[0]), expected[0], rtol=1e-12)


@pytest.mark.parametrize("temperature", [0.3, 0.99, 4.0])
def test_a_temperature_keeps_the_order_of_the_classes(random_predictions, temperature):
    p = random_predictions(0).probabilities
    calibrated = Calibration.of_temperature(CLASSES, temperature).apply(p)
    np.testing.assert_array_equal(calibrated.argsort(axis=1), p.argsort(axis=1))
    np.testing.assert_allclose(calibrated.sum(axis=1), 1.0, rtol=1e-12)


def test_the_temperature_of_logits_and_of_probabilities_is_the_same_but_vector_scaling_is_not():
    logits = np.random.default_rng(0).normal(size=(20, 3)) * 2 + np.arange(20)[:, None]
    p = softmax(logits)
    cooled = Calibration.of_temperature(VECTOR.classes, 3.0).apply(p)
    np.testing.assert_allclose(cooled, softmax(logits / 3.0), rtol=1e-10)
    # A number a row moves vector scaling: only normalised logits are log-probabilities.
    assert np.abs(VECTOR.apply(p) - softmax(logits * VECTOR.scale + VECTOR.bias)).max() > 0.1


def test_zeros_stay_finite_and_small():
    p = np.array([[1.0, 0.0, 0.0]])
    assert log_probabilities(p)[0, 1] == np.log(SMALLEST)
    assert np.isfinite(VECTOR.apply(p)).all()
    assert VECTOR.apply(p).argmax() == 0


def test_the_identity_changes_no_bit(random_predictions):
    p = random_predictions(1).probabilities
    same = Calibration.identity(CLASSES).apply(p)
    np.testing.assert_array_equal(same, p)
    assert same is not p


def test_predictions_with_columns_in_another_order(random_predictions):
    predictions = random_predictions(2)
    rng = np.random.default_rng(0)
    calibration = Calibration(
        "vector", CLASSES, tuple(rng.uniform(0.5, 2, 8)), tuple(rng.normal(size=8))
    )
    expected = calibration.apply(predictions.probabilities)
    order = [3, 1, 0, 2, 7, 6, 5, 4]
    turned = replace(
        predictions,
        probabilities=predictions.probabilities[:, order],
        classes=tuple(CLASSES[k] for k in order),
    )
    result = calibration.apply_to(turned)
    np.testing.assert_allclose(result.probabilities, expected[:, order], rtol=1e-12)
    assert result.classes == turned.classes
    assert result.labels == predictions.labels


def test_predictions_of_other_classes_are_refused(random_predictions):
    with pytest.raises(UserError, match="of the classes MEL, NV, BCC"):
        VECTOR.apply_to(random_predictions(0))


@pytest.mark.parametrize(
    "calibration",
    [VECTOR, Calibration.of_temperature(CLASSES, 1.7), Calibration.identity(CLASSES)],
)
def test_json_round_trip(calibration):
    assert Calibration.from_json(json.loads(json.dumps(calibration.to_json()))) == calibration


def test_temperature_as_a_number():
    assert Calibration.of_temperature(CLASSES, 2.5).temperature == pytest.approx(2.5)
    assert Calibration.identity(CLASSES).temperature == 1.0
    assert VECTOR.temperature is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "platt"}, "not one of identity, temperature, vector"),
        ({"kind": "temperature"}, "one positive scale"),
        ({"kind": "identity", "scale": [2, 2, 2], "bias": [0, 0, 0]}, "the scale 1"),
        ({"classes": ["MEL", "NV", "NV"]}, "different names"),
        ({"classes": ["MEL", "NV"]}, "each of its 2 classes"),
        ({"scale": [1, 1, float("nan")]}, "finite"),
        ({"scale": [1, 1, -1]}, "not negative"),
        ({"bias": [0, 0]}, "each of its 3 classes"),
        ({"bias": None}, "must be lists"),
        ({"scale": ["a", 1, 1]}, "could not convert"),
    ],
)
def test_wrong_data_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        Calibration.from_json({**VECTOR.to_json(), **change})


def test_a_missing_key_is_named():
    data = VECTOR.to_json()
    del data["scale"]
    with pytest.raises(ValueError, match="'scale' is missing"):
        Calibration.from_json(data)
