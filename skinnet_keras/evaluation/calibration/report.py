"""Calibration of predictions, before and after, with intervals and paired changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES, resampled_ratios
from skinnet_keras.evaluation.calibration.metrics import (
    DEFAULT_BINS,
    Reliability,
    brier_decomposition,
    brier_scores,
    class_reliabilities,
    top_label_reliability,
)
from skinnet_keras.evaluation.ensembles.weights import balanced_accuracy, log_losses
from skinnet_keras.evaluation.intervals import json_interval
from skinnet_keras.evaluation.predictions import Predictions

SCORES = ("nll", "brier", "ece", "class_wise_ece")
_BIASED = ("ece", "class_wise_ece")


def calibration_report(
    predictions: Predictions,
    *,
    num_bins: int = DEFAULT_BINS,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Negative log-likelihood, Brier score and calibration errors, as one JSON-ready object.

    Args:
        predictions: Labelled images, one at least; every label is one of the classes.
        num_bins: Bins of equal mass behind the calibration errors.
        bootstrap: Resamples of groups behind `ci`; 0 = no intervals.
        seed: Seed of the bootstrap.

    Returns:
        `n`; `nll` (nats an image), `brier` (0..2) and its parts; `ece` of the most probable
        class, `ece_by_chance`, its mean for exactly right probabilities, and `ece_chance_limit`,
        which that exceeds in 1 of 40 cases; the same of `class_wise_ece`, the mean over the
        classes against the rest; `accuracy` and `balanced_accuracy` of the most probable class;
        `per_class`; `ci`, 95 % intervals. Those of likelihood and Brier score are percentiles.
        A resample adds its own chance to a calibration error, so those of the errors are basic
        intervals (Davison and Hinkley 1997, section 2.4), which take some of the bias off; they
        hold the error itself, and 0 where it is within its chance limit.
    """
    return _measure(predictions, num_bins, bootstrap, seed)[0]


def calibration_comparison(
    before: Predictions,
    after: Predictions,
    *,
    num_bins: int = DEFAULT_BINS,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """What calibration changes on the same images, resampled in pairs.

    Args:
        before: Labelled images, one at least.
        after: The same rows, calibrated.
        num_bins: As for `calibration_report`.
        bootstrap: As there.
        seed: As there.

    Returns:
        `before` and `after`, reports; `changes`: score -> `change` (after less before) and `ci`
        (None without bootstrap); `decisions_changed`, images with another most probable class.
    """
    first, first_draws = _measure(before, num_bins, bootstrap, seed)
    second, second_draws = _measure(after, num_bins, bootstrap, seed)
    changes: dict[str, Any] = {}
    for name in SCORES:
        change, ci = second[name] - first[name], None
        if bootstrap:
            ci = _interval(name, second_draws[name] - first_draws[name], change, least=-np.inf)
        changes[name] = {"change": change, "ci": ci}
    differing = before.predicted_indices() != after.predicted_indices()
    return {
        "before": first,
        "after": second,
        "changes": changes,
        "decisions_changed": int(differing.sum()),
    }


def _measure(
    predictions: Predictions, num_bins: int, bootstrap: int, seed: int
) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The report, and the scores of resampled data sets."""
    probabilities, true = predictions.probabilities, predictions.true_indices()
    top = top_label_reliability(probabilities, true, num_bins)
    classes = class_reliabilities(probabilities, true, num_bins)
    brier = float(brier_scores(probabilities, true).mean())
    report: dict[str, Any] = {
        "n": len(true),
        "nll": float(log_losses(probabilities, true).mean()),
        "brier": brier,
        "brier_parts": brier_decomposition(classes, brier),
        "ece": top.ece,
        "ece_by_chance": top.ece_by_chance,
        "ece_chance_limit": top.ece_chance_limit,
        "class_wise_ece": float(np.mean([item.ece for item in classes])),
        "class_wise_ece_by_chance": float(np.mean([item.ece_by_chance for item in classes])),
        # Errors of the classes hang together: their spread does not average out.
        "class_wise_ece_chance_limit": float(np.mean([item.ece_chance_limit for item in classes])),
        "accuracy": float((probabilities.argmax(axis=1) == true).mean()),
        "balanced_accuracy": balanced_accuracy(probabilities, true),
        "per_class": {
            name: {
                "support": int((true == k).sum()),
                "mean_probability": float(probabilities[:, k].mean()),
                "frequency": float((true == k).mean()),
                "ece": classes[k].ece,
                "ece_by_chance": classes[k].ece_by_chance,
            }
            for k, name in enumerate(predictions.classes)
        },
        "ci": {},
    }
    if not bootstrap:
        return report, {}
    draws = _resampled(predictions, top, classes, bootstrap, seed)
    report["ci"] = {name: _interval(name, draws[name], report[name]) for name in SCORES}
    for name in _BIASED:
        if report[name] <= report[f"{name}_chance_limit"]:
            report["ci"][name][0] = 0.0
    return report, draws


def _resampled(
    predictions: Predictions,
    top: Reliability,
    classes: list[Reliability],
    resamples: int,
    seed: int,
) -> dict[str, np.ndarray]:
    """Scores of resampled data sets, float (R,) each; the bins stay those of the data set.

    A bin's part of the calibration error is the absolute mean, over all images, of the score
    less the event inside the bin and 0 outside: a mean like the others.
    """
    probabilities, true = predictions.probabilities, predictions.true_indices()
    correct = probabilities.argmax(axis=1) == true
    gaps = [_gaps(top, probabilities.max(axis=1), correct)]
    gaps += [_gaps(item, probabilities[:, k], true == k) for k, item in enumerate(classes)]
    columns = np.column_stack(
        [log_losses(probabilities, true), brier_scores(probabilities, true), *gaps]
    )
    means = resampled_ratios(
        columns, np.ones(len(columns)), predictions.groups, resamples=resamples, seed=seed
    )
    first = 2 + len(top.count)
    return {
        "nll": means[:, 0],
        "brier": means[:, 1],
        "ece": np.abs(means[:, 2:first]).sum(axis=1),
        "class_wise_ece": np.abs(means[:, first:]).sum(axis=1) / len(classes),
    }


def _gaps(item: Reliability, scores: np.ndarray, happened: np.ndarray) -> np.ndarray:
    """Score less event in the image's bin, float (N, B)."""
    table = np.zeros((len(scores), len(item.count)))
    table[np.arange(len(scores)), item.bins] = scores - happened
    return table


def _interval(name: str, draws: np.ndarray, value: float, least: float = 0.0) -> list[float] | None:
    interval = json_interval(draws)
    if interval is None or name not in _BIASED:
        return interval
    low, high = interval
    return [min(max(least, 2 * value - high), value), max(2 * value - low, value)]
