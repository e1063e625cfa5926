from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from skinnet_keras.evaluation.calibration.fit import (
    TEMPERATURES,
    fit_calibration,
    fit_temperature,
    fit_vector,
)
from skinnet_keras.evaluation.calibration.scaling import Calibration, log_probabilities, softmax

NAMES = ("MEL", "NV", "BCC", "AK")


def drawn(seed: int, n: int, spread: float = 1.5) -> tuple[np.ndarray, np.ndarray]:
    """Logits whose softmax is exactly right, and labels drawn from it."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(size=(n, 4)) * spread + [0.0, 1.5, -0.5, -1.0]
    p = softmax(logits)
    return logits, (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
def test_a_known_temperature_is_recovered(temperature):
    logits, true = drawn(0, 10_000)
    distorted = softmax(logits / temperature)
    fit = fit_calibration(distorted, true, NAMES, method="temperature")
    # Dividing by T once made them too flat: the fit undoes it.
    assert fit.calibration.temperature == pytest.approx(1.0 / temperature, rel=0.05)


def test_the_temperature_is_where_a_plain_search_finds_it():
    logits, true = drawn(1, 500)
    p = softmax(logits * 2.0)

    def loss(log_t: float) -> float:
        return log_loss(true, softmax(log_probabilities(p) / np.exp(log_t)), labels=range(4))

    found = minimize_scalar(loss, bounds=(-2, 2), method="bounded", options={"xatol": 1e-9})
    assert fit_temperature(log_probabilities(p), true) == pytest.approx(np.exp(found.x), rel=1e-5)


def test_temperatures_stay_within_their_range():
    right = np.array([[0.8, 0.2], [0.3, 0.7]])
    assert fit_temperature(np.log(right), np.array([0, 1])) == TEMPERATURES[0]
    assert fit_temperature(np.log(right), np.array([1, 0])) == TEMPERATURES[1]


def distort(p: np.ndarray, scale: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The probabilities that vector scaling turns into p."""
    low, high = np.full((len(p), 1), -100.0), np.full((len(p), 1), 100.0)
    for _ in range(60):  # of the number a row that makes them sum to 1
        middle = (low + high) / 2
        too_large = np.exp((np.log(p) - bias + middle) / scale).sum(axis=1, keepdims=True) > 1
        low, high = np.where(too_large, low, middle), np.where(too_large, middle, high)
    return np.exp((np.log(p) - bias + low) / scale)


def test_a_known_vector_scaling_is_undone():
    logits, true = drawn(2, 10_000)
    p = softmax(logits)
    scale, bias = np.array([2.0, 1.5, 0.7, 1.0]), np.array([0.9, -1.1, 0.3, -0.1])
    distorted = distort(p, scale, bias)
    np.testing.assert_allclose(Calibration("vector", NAMES, scale, bias).apply(distorted), p)
    fit = fit_vector(log_probabilities(distorted), true, NAMES, 1.0)
    np.testing.assert_allclose(fit.scale, scale, atol=0.15)
    np.testing.assert_allclose(np.array(fit.bias) - np.mean(fit.bias), bias, atol=0.15)
    error = np.abs(fit.apply(distorted) - p).mean()
    assert error < 0.01 < 0.1 < np.abs(distorted - p).mean()


def objective(log_p, true, calibration: Calibration, penalty: float) -> float:
    scale, bias = np.array(calibration.scale), np.array(calibration.bias)
    nll = log_loss(true, softmax(log_p * scale + bias), labels=range(4))
    return nll + penalty / (2 * len(true)) * (((scale - scale.mean()) ** 2).sum() + bias @ bias)


def test_vector_scaling_is_the_minimum_of_its_convex_objective():
    logits, true = drawn(3, 300)
    log_p = log_probabilities(softmax(logits * 1.7 + [0.5, 0.0, -0.5, 0.0]))
    best = fit_vector(log_p, true, NAMES, 10.0)
    least = objective(log_p, true, best, 10.0)
    rng = np.random.default_rng(0)
    other = [
        Calibration("vector", NAMES, tuple(rng.uniform(0.1, 2, 4)), tuple(rng.normal(size=4)))
        for _ in range(50)
    ]
    for item in other:
        value = objective(log_p, true, item, 10.0)
        middle = Calibration(
            "vector",
            NAMES,
            tuple((np.array(best.scale) + item.scale) / 2),
            tuple((np.array(best.bias) + item.bias) / 2),
        )
        assert value > least
        assert objective(log_p, true, middle, 10.0) <= (value + least) / 2 + 1e-12


def test_the_fit_does_not_move_by_a_small_step_in_any_direction():
    logits, true = drawn(4, 300)
    log_p = log_probabilities(softmax(logits))
    best = fit_vector(log_p, true, NAMES, 1.0)
    least = objective(log_p, true, best, 1.0)
    for k in range(8):
        for step in (-1e-3, 1e-3):
            moved = np.array([*best.scale, *best.bias])
            moved[k] += step
            near = Calibration("vector", NAMES, tuple(moved[:4]), tuple(moved[4:]))
            assert objective(log_p, true, near, 1.0) > least


def test_a_strong_penalty_leaves_temperature_scaling():
    logits, true = drawn(5, 400)
    log_p = log_probabilities(softmax(logits * 1.8 + [1.0, 0.0, 0.0, 0.0]))
    strong = fit_vector(log_p, true, NAMES, 1e9)
    np.testing.assert_allclose(strong.scale, 1 / fit_temperature(log_p, true), rtol=1e-4)
    np.testing.assert_allclose(strong.bias, 0.0, atol=1e-4)


def test_a_class_without_images_keeps_finite_parameters():
    logits, true = drawn(6, 400)
    keep = true != 3
    fit = fit_calibration(softmax(logits[keep]), true[keep], NAMES, method="vector")
    assert np.abs([*fit.calibration.scale, *fit.calibration.bias]).max() < 10
    assert fit.calibration.bias[3] < 0  # what was predicted of it never came


@pytest.mark.parametrize("method", ["temperature", "vector", "auto"])
@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("n", [8, 60])
def test_the_likelihood_of_the_fitted_images_is_never_worse(method, seed, n):
    rng = np.random.default_rng(seed)
    p, true = rng.dirichlet(np.full(4, 0.3), n), rng.integers(0, 4, n)
    p[0] = [1.0, 0.0, 0.0, 0.0]
    calibrated = fit_calibration(p, true, NAMES, method=method).calibration.apply(p)
    eps = np.finfo(float).eps
    before, after = (
        -np.log(np.clip(q[np.arange(n), true], eps, 1)).mean() for q in (p, calibrated)
    )
    assert after <= before + 1e-9


def test_right_probabilities_are_left_alone_by_auto():
    kinds = []
    for seed in range(20, 26):
        logits, true = drawn(seed, 300)
        kinds.append(fit_calibration(softmax(logits), true, NAMES).calibration.kind)
    assert kinds.count("identity") >= 5


def test_auto_takes_the_kind_that_undoes_the_distortion():
    logits, true = drawn(8, 1_000)
    assert fit_calibration(softmax(logits * 2), true, NAMES).calibration.kind == "temperature"
    shifted = softmax(logits + np.array([2.0, 0.0, 0.0, -2.0]))
    fit = fit_calibration(shifted, true, NAMES)
    assert fit.calibration.kind == "vector"
    assert fit.penalty is not None


def test_one_group_leaves_nothing_to_choose_by():
    logits, true = drawn(9, 50)
    fit = fit_calibration(softmax(logits * 2), true, NAMES, ["lesion"] * 50)
    assert fit.calibration.kind == "identity"
    assert fit.held_out_nll == {}


def test_an_unknown_method_is_named():
    with pytest.raises(ValueError, match="platt"):
        fit_calibration(np.array([[0.5, 0.5]]), np.array([0]), NAMES[:2], method="platt")
