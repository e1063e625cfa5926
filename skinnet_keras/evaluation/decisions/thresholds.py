"""One threshold a class, tuned on validation predictions for stated costs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinnet_keras.evaluation.calibration.scaling import log_probabilities
from skinnet_keras.evaluation.calibration.validation_folds import (
    simplest_of_the_best,
    validation_folds,
)
from skinnet_keras.evaluation.decisions.costs import Costs
from skinnet_keras.evaluation.decisions.rules import Thresholds

PENALTIES = (10.0, 3.0, 1.0, 0.3, 0.1, 0.03)
"""Strengths of the pull towards equal thresholds, the strongest first."""

FEWEST_IMAGES = 10
"""A class with fewer validation images keeps the threshold of argmax."""

_LARGEST = math.log(1000.0)  # of a log weight, either way
_MOST_ROUNDS = 50
_NEGLIGIBLE = 1e-9


@dataclass(frozen=True)
class ThresholdFit:
    """Thresholds and what spoke for them.

    Attributes:
        thresholds: With a geometric mean of 1; all 1 = argmax.
        penalty: Strength of the pull; None for argmax.
        held_out_cost: Candidate -> mean cost of validation images that were not fitted; empty
            where there was one group only.
    """

    thresholds: Thresholds
    penalty: float | None
    held_out_cost: dict[str, float]


def fit_thresholds(
    probabilities: np.ndarray,
    true: np.ndarray,
    costs: Costs,
    groups: Sequence[str] | None = None,
) -> ThresholdFit:
    """Thresholds t for the rule argmax of p_c / t_c; never costlier on these images than argmax.

    The penalty, or argmax, is chosen by the mean cost of images left out, over folds that keep
    groups whole: the nearest to argmax of those within a standard error of the best.

    Args:
        probabilities: float (N, K) of the validation images, N > 0.
        true: int (N,) indices of the true classes.
        costs: Of the K classes, in their order.
        groups: N group names; "" or None = the image is a group of its own.
    """
    logs, matrix = log_probabilities(probabilities), costs.matrix
    candidates: dict[str, float | None] = {"argmax": None}
    candidates |= {f"penalty {penalty:g}": penalty for penalty in PENALTIES}
    chosen = "argmax"
    held_out: dict[str, float] = {}
    if folds := list(validation_folds(true, groups)):
        losses = {name: np.empty(len(true)) for name in candidates}
        for fitted, kept in folds:
            for name, penalty in candidates.items():
                weights = _log_weights(logs[fitted], true[fitted], matrix, penalty)
                decided = (logs[kept] + weights).argmax(axis=1)
                losses[name][kept] = matrix[true[kept], decided]
        chosen, held_out = simplest_of_the_best(losses, groups)
    weights = _log_weights(logs, true, matrix, candidates[chosen])
    thresholds = Thresholds(costs.classes, tuple(np.exp(-weights).tolist()))
    return ThresholdFit(thresholds, candidates[chosen] if weights.any() else None, held_out)


def _log_weights(
    logs: np.ndarray, true: np.ndarray, matrix: np.ndarray, penalty: float | None
) -> np.ndarray:
    """Log weights v = -log t, mean 0, by coordinate descent from argmax.

    Minimises sum of costs + penalty * largest cost * sum (v - mean v)^2 / 2: a change by a factor
    of e has to save as much as penalty / 2 images decided in the costliest way, so single images
    decide nothing. Along one class the cost is a step function; the search is exact.
    """
    k = len(matrix)
    weights = np.zeros(k)
    if penalty is None:
        return weights
    strength = penalty * float(matrix.max())
    tunable = np.flatnonzero(np.bincount(true, minlength=k) >= FEWEST_IMAGES)
    best = _total(logs, true, matrix, weights, strength)
    for _ in range(_MOST_ROUNDS):
        before = best
        for c in tunable:
            trial = weights.copy()
            trial[c] = _best_weight(logs, true, matrix, weights, int(c), strength)
            total = _total(logs, true, matrix, trial, strength)
            if total < best - _NEGLIGIBLE:
                weights, best = trial, total
        if best >= before - _NEGLIGIBLE:
            break
    return weights - weights.mean() if weights.any() else weights


def _total(
    logs: np.ndarray, true: np.ndarray, matrix: np.ndarray, weights: np.ndarray, strength: float
) -> float:
    deviation = weights - weights.mean()
    decided = (logs + weights).argmax(axis=1)
    return float(matrix[true, decided].sum() + strength / 2 * deviation @ deviation)


def _best_weight(
    logs: np.ndarray,
    true: np.ndarray,
    matrix: np.ndarray,
    weights: np.ndarray,
    c: int,
    strength: float,
) -> float:
    """Log weight of class c that costs least while the others stay.

    An image is decided to be c from a weight of its own on, so between two such weights the cost
    is constant: the middle of each gap is tried, as far from the images as can be.
    """
    scores = logs + weights
    scores[:, c] = -np.inf
    other = scores.argmax(axis=1)
    needed = scores.max(axis=1) - logs[:, c]
    steps, which = np.unique(needed, return_inverse=True)
    change = np.bincount(which, weights=matrix[true, c] - matrix[true, other])
    costs = matrix[true, other].sum() + np.concatenate([[0.0], np.cumsum(change)])
    ends = np.concatenate([[steps[0] - 1.0], steps, [steps[-1] + 1.0]]).clip(-_LARGEST, _LARGEST)
    middles = (ends[:-1] + ends[1:]) / 2
    inside = ends[1:] > ends[:-1]
    rest = np.delete(weights, c)
    squares = rest @ rest + middles**2 - (rest.sum() + middles) ** 2 / len(weights)
    totals = np.where(inside, costs + strength / 2 * squares, np.inf)
    return float(middles[totals.argmin()])
