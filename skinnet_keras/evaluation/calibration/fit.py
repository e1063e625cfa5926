"""Fit temperature and vector scaling to validation predictions by the negative log-likelihood."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq, minimize

from skinnet_keras.evaluation.calibration.scaling import Calibration, log_probabilities, softmax
from skinnet_keras.evaluation.calibration.validation_folds import (
    simplest_of_the_best,
    validation_folds,
)

METHODS = ("temperature", "vector", "auto")

TEMPERATURES = (0.1, 10.0)
"""Between these: a small split without an error would otherwise ask for a temperature of 0."""

PENALTIES = (1000.0, 100.0, 10.0, 1.0)
"""Strengths of vector scaling's pull towards temperature scaling, the strongest first."""

# Nats below which a calibration gains nothing: rounding.
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class CalibrationFit:
    """A calibration and what spoke for it.

    Attributes:
        calibration: The calibration.
        penalty: Strength of the pull of vector scaling; None for the other kinds.
        held_out_nll: Candidate -> negative log-likelihood of validation images that were not
            fitted, nats an image; empty where nothing had to be chosen or could be.
    """

    calibration: Calibration
    penalty: float | None
    held_out_nll: dict[str, float]


def fit_calibration(
    probabilities: np.ndarray,
    true: np.ndarray,
    classes: Sequence[str],
    groups: Sequence[str] | None = None,
    *,
    method: str = "auto",
) -> CalibrationFit:
    """Fit a calibration; never one of a worse likelihood on these images than none.

    The strength of vector scaling, and with `auto` the kind (none, temperature, vector), have the
    best likelihood of images left out, over folds that keep groups whole; the simplest of those
    within a standard error of it.

    Args:
        probabilities: float (N, K) of the validation images, N > 0.
        true: int (N,) indices of the true classes.
        classes: K class names.
        groups: N group names; "" or None = the image is a group of its own.
        method: One of `METHODS`.

    Raises:
        ValueError: Unknown method.
    """
    if method not in METHODS:
        raise ValueError(f"method {method!r}: choose one of {', '.join(METHODS)}")
    logits = log_probabilities(probabilities)
    candidates = _candidates(classes, method)
    chosen = next(iter(candidates))
    held_out: dict[str, float] = {}
    folds = list(validation_folds(true, groups)) if len(candidates) > 1 else []
    if folds:
        losses = {name: np.empty(len(true)) for name in candidates}
        for fitted, kept in folds:
            for name, (fit, _) in candidates.items():
                found = fit(logits[fitted], true[fitted])
                losses[name][kept] = _nlls(logits[kept], true[kept], found)
        chosen, held_out = simplest_of_the_best(losses, groups)
    fit, penalty = candidates[chosen]
    calibration = fit(logits, true)
    none = Calibration.identity(classes)
    gain = _nlls(logits, true, none) - _nlls(logits, true, calibration)
    if gain.mean() < _NEGLIGIBLE:
        return CalibrationFit(none, None, held_out)
    return CalibrationFit(calibration, penalty, held_out)


def fit_temperature(logits: np.ndarray, true: np.ndarray) -> float:
    """Temperature of the smallest negative log-likelihood, within `TEMPERATURES`.

    That is convex in 1/T: its slope, the mean expected logit less the mean logit of the true
    class, rises with 1/T and has one root at most.

    Args:
        logits: float (N, K), or log-probabilities.
        true: int (N,) indices of the true classes.
    """
    observed = logits[np.arange(len(true)), true].mean()

    def slope(inverse: float) -> float:
        return float((softmax(logits * inverse) * logits).sum(axis=1).mean() - observed)

    low, high = (1.0 / temperature for temperature in reversed(TEMPERATURES))
    if slope(low) >= 0:
        return TEMPERATURES[1]
    if slope(high) <= 0:
        return TEMPERATURES[0]
    return float(1.0 / brentq(slope, low, high, xtol=1e-12))


def fit_vector(
    logits: np.ndarray, true: np.ndarray, classes: Sequence[str], penalty: float
) -> Calibration:
    """Vector scaling, pulled towards temperature scaling.

    Minimises mean NLL + penalty / (2 N) * (sum (scale_k - mean scale)^2 + sum bias_k^2), scales
    not negative: convex. The penalty is that of a Gaussian prior of variance 1 / penalty: strong
    where a class has few images, forgotten where it has many; without limit it gives temperature
    scaling. The search starts from the best temperature, which the penalty does not touch.

    Args:
        logits: float (N, K) log-probabilities.
        true: int (N,) indices of the true classes.
        classes: K class names.
        penalty: Positive.
    """
    n, k = logits.shape
    is_true = np.eye(k)[true]
    weight = penalty / n

    def objective(parameters: np.ndarray) -> tuple[float, np.ndarray]:
        scale, bias = parameters[:k], parameters[k:]
        deviation = scale - scale.mean()
        scores = logits * scale + bias
        probabilities = softmax(scores)
        value = _losses(scores, true).mean() + weight / 2 * (deviation @ deviation + bias @ bias)
        surplus = (probabilities - is_true) / n
        # The mean's own share cancels: deviations sum to 0.
        slope = (
            (surplus * logits).sum(axis=0) + weight * deviation,
            surplus.sum(axis=0) + weight * bias,
        )
        return value, np.concatenate(slope)

    start = np.concatenate([np.full(k, 1.0 / fit_temperature(logits, true)), np.zeros(k)])
    found = minimize(
        objective,
        start,
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * k + [(None, None)] * k,
        options={"maxiter": 2000, "maxfun": 4000, "ftol": 1e-14, "gtol": 1e-8},
    )
    best = found.x if found.fun <= objective(start)[0] else start
    return Calibration("vector", tuple(classes), tuple(best[:k].tolist()), tuple(best[k:].tolist()))


_Fit = Callable[[np.ndarray, np.ndarray], Calibration]


def _candidates(classes: Sequence[str], method: str) -> dict[str, tuple[_Fit, float | None]]:
    """Name -> (fit, penalty), the simplest first."""

    def vector(penalty: float) -> _Fit:
        return lambda logits, true: fit_vector(logits, true, classes, penalty)

    def temperature(logits: np.ndarray, true: np.ndarray) -> Calibration:
        return Calibration.of_temperature(classes, fit_temperature(logits, true))

    found: dict[str, tuple[_Fit, float | None]] = {}
    if method == "auto":
        found["identity"] = (lambda logits, true: Calibration.identity(classes), None)
    if method in ("temperature", "auto"):
        found["temperature"] = (temperature, None)
    if method in ("vector", "auto"):
        found |= {f"vector, penalty {p:g}": (vector(p), p) for p in PENALTIES}
    return found


def _nlls(logits: np.ndarray, true: np.ndarray, calibration: Calibration) -> np.ndarray:
    return _losses(logits * calibration.scale + calibration.bias, true)


def _losses(scores: np.ndarray, true: np.ndarray) -> np.ndarray:
    """Negative log-likelihood of each image, nats."""
    top = scores.max(axis=1)
    totals = top + np.log(np.exp(scores - top[:, None]).sum(axis=1))
    return totals - scores[np.arange(len(true)), true]
