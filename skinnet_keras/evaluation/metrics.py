"""The metrics of stored predictions, with intervals, as one JSON-ready object."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import (
    DEFAULT_RESAMPLES,
    exact_interval,
    group_indices,
    percentile_interval,
)
from skinnet_keras.evaluation.confusion import per_class_table, plain
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.ranking import RANKING_METRICS, OperatingPoints
from skinnet_keras.evaluation.scorer import PER_CLASS, Scorer, Scores, resample_scores

RATES = ("accuracy", "wrecall")
"""Headline numbers that are a share of all images."""


def evaluate_predictions(
    predictions: Predictions,
    *,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
    points: OperatingPoints | None = None,
) -> dict[str, Any]:
    """Everything the tables print.

    Args:
        predictions: The images to score; unlabelled rows, and UNK rows where the model has no
            such class, are left out.
        bootstrap: Resamples of groups behind `ci` and `ci_per_class`; 0 = no intervals.
        seed: Seed of the bootstrap.
        points: Parameters of the partial AUC and of the operating points; None for the defaults.

    Returns:
        `n`; the headline numbers of `confusion.headline_metrics`; `macro_<metric>` of the ranking
        metrics (one class against the rest, mean over the classes that define it); `per_class`;
        `ci`: 95 % percentile intervals of all headline numbers, and `ci_per_class`: class ->
        metric -> interval, all from the same resamples; `settings`: `min_tpr`, `specificity`,
        `sensitivity`, `bootstrap`, `seed`, `groups` (their number). Undefined = None. Where
        resamples do not vary, the interval of a rate of 0 or 1 is Clopper and Pearson's with
        groups as trials, that of any other number None.
    """
    scored = predictions.scored()
    classes, n = scored.classes, len(scored.labels)
    scorer = Scorer(scored, group_indices(scored.groups, n), points)
    once = np.ones((scorer.num_groups, 1))
    numbers = scorer(once)
    per_class = per_class_table(scorer.confusions(once)[0], classes)
    for name in RANKING_METRICS:
        for label, value in zip(classes, plain(numbers.per_class[name][0]), strict=True):
            per_class[label][name] = value
    intervals: tuple[dict[str, Any], dict[str, Any]] = ({}, {})
    if bootstrap and n:
        resampled = resample_scores(scorer, resamples=bootstrap, seed=seed)
        intervals = _intervals(scorer, numbers, resampled)
    return {
        "n": n,
        **{name: plain(values[0]) for name, values in numbers.headline.items()},
        "per_class": per_class,
        "ci": intervals[0],
        "ci_per_class": intervals[1],
        "settings": {
            **asdict(scorer.points),
            "bootstrap": bootstrap,
            "seed": seed,
            "groups": scorer.num_groups,
        },
    }


def _intervals(
    scorer: Scorer, numbers: Scores, resampled: Scores
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Intervals of the headline numbers, and of those of each class."""
    trials = dict.fromkeys(RATES, scorer.num_groups)
    headline = {
        name: _interval(values, numbers.headline[name][0], trials.get(name, 0))
        for name, values in resampled.headline.items()
    }
    none = np.zeros(len(scorer.classes), dtype=int)
    per_class = {
        label: {
            name: _interval(
                resampled.per_class[name][:, k],
                numbers.per_class[name][0, k],
                scorer.groups_behind.get(name, none)[k],
            )
            for name in PER_CLASS
        }
        for k, label in enumerate(scorer.classes)
    }
    return headline, per_class


def _interval(values: np.ndarray, value: float, trials: int) -> list[float] | None:
    """Percentile interval; the exact one of a rate of 0 or 1; None where resamples say nothing.

    Args:
        values: (R,) in the resamples.
        value: In the data.
        trials: Groups that it is a share of; 0 = it is no such share.
    """
    interval = percentile_interval(values)
    if interval is not None and interval[0] == interval[1]:
        interval = exact_interval(float(value), trials)
    return None if interval is None else list(interval)
