"""Runs against the first of them on the same images: signed differences, intervals, tests."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import (
    DEFAULT_RESAMPLES,
    group_indices,
    percentile_interval,
)
from skinnet_keras.evaluation.confusion import plain
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.scorer import Scorer, Scores, resample_scores
from skinnet_keras.evaluation.significance import holm, mcnemar, sign_flip_test
from skinnet_keras.taxonomy import RARE_4, RARE_5

ERRORS = {"errors_all": None, "errors_rare_5": RARE_5, "errors_rare_4": RARE_4}
"""Counted errors: name -> the classes of which one must be true or predicted; None = any."""

DIFFERENCES = (*ERRORS, "balanced_accuracy", "macro_auc")
"""What is compared; fewer errors are better, more of the others."""


def compare_paired(
    runs: Mapping[str, Predictions], *, bootstrap: int = DEFAULT_RESAMPLES, seed: int = 0
) -> dict[str, dict[str, Any]]:
    """Compare each run with the first on the same images.

    Groups are those of the first run that has any. All runs are scored on the same resampled
    groups, so what makes a lesion hard for both does not widen an interval.

    Args:
        runs: Name -> labelled predictions, as `Predictions.scored` gives them; all of the same
            images and labels, in any order.
        bootstrap: Resamples of groups behind the intervals; 0 = none.
        seed: Seed of the bootstrap.

    Returns:
        For each run but the first: `n` (images), `groups` (their number); `mcnemar`:
        `only_first_right`, `only_this_right`, `test` ("exact" or "mid-p"), `p`, `p_holm`;
        `differences`: name of `DIFFERENCES` -> `first`, `this`, `difference` (this less first),
        `ci` (95 %), `better` (the share of resamples in which this run is better than the first,
        not equal), and for errors `p` of the sign-flip test over groups and `p_holm`. Holm's
        adjustment is over the runs, each kind of test for itself. Undefined = None.
    """
    name, *others = runs
    first = runs[name]
    aligned = {key: _ordered(predictions, first) for key, predictions in runs.items()}
    named = next((rows.groups for rows in aligned.values() if rows.groups is not None), None)
    groups = group_indices(named, len(first.labels))
    scorers = {key: Scorer(rows, groups) for key, rows in aligned.items()}
    once = np.ones((scorers[name].num_groups, 1))
    values = {key: scorer(once) for key, scorer in scorers.items()}
    resampled: dict[str, Scores] = {}
    if bootstrap:
        resampled = {
            key: resample_scores(scorer, resamples=bootstrap, seed=seed)
            for key, scorer in scorers.items()
        }
    errors = {key: _errors(rows) for key, rows in aligned.items()}
    compared: dict[str, dict[str, Any]] = {}
    for key in others:
        tested = mcnemar(~errors[name]["errors_all"], ~errors[key]["errors_all"])
        differences = {}
        for measure in DIFFERENCES:
            differences[measure] = _difference(measure, values[name], values[key])
            if bootstrap:
                differences[measure] |= _spread(measure, resampled[name], resampled[key])
            if measure in ERRORS:
                change = errors[key][measure].astype(int) - errors[name][measure]
                differences[measure]["p"] = sign_flip_test(change, groups)
        compared[key] = {
            "n": len(first.labels),
            "groups": len(once),
            "mcnemar": {
                "only_first_right": tested.only_first_right,
                "only_this_right": tested.only_second_right,
                "test": tested.test,
                "p": tested.p,
            },
            "differences": differences,
        }
    _adjust({key: found["mcnemar"] for key, found in compared.items()})
    for measure in ERRORS:
        _adjust({key: found["differences"][measure] for key, found in compared.items()})
    return compared


def _ordered(predictions: Predictions, first: Predictions) -> Predictions:
    """The same predictions in the order of the first run's images."""
    row = {image_id: number for number, image_id in enumerate(predictions.image_ids)}
    rows = [row[image_id] for image_id in first.image_ids]
    groups = predictions.groups
    return Predictions(
        first.image_ids,
        [predictions.labels[number] for number in rows],
        predictions.probabilities[rows],
        predictions.classes,
        None if groups is None else [groups[number] for number in rows],
    )


def _errors(scored: Predictions) -> dict[str, np.ndarray]:
    """Which images count as each kind of error, bool (N,)."""
    true, predicted = scored.true_indices(), scored.predicted_indices()
    wrong = true != predicted
    found = {}
    for name, chosen in ERRORS.items():
        concerned = wrong
        if chosen is not None:
            is_chosen = np.isin(scored.classes, chosen)
            concerned = is_chosen[true] | is_chosen[predicted]
        found[name] = wrong & concerned
    return found


def _difference(measure: str, first: Scores, this: Scores) -> dict[str, Any]:
    before, after = first.headline[measure], this.headline[measure]
    numbers = plain(np.concatenate([before, after, after - before]))
    named = dict(zip(("first", "this", "difference"), numbers, strict=True))
    return {**named, "ci": None, "better": None}


def _spread(measure: str, first: Scores, this: Scores) -> dict[str, Any]:
    """Interval of the difference and the share of resamples in which it is an improvement."""
    difference = this.headline[measure] - first.headline[measure]
    interval = percentile_interval(difference)
    if interval is None:
        return {}
    gain = -difference if measure in ERRORS else difference
    return {"ci": list(interval), "better": float(np.mean(gain[~np.isnan(gain)] > 0))}


def _adjust(tests: Mapping[str, dict[str, Any]]) -> None:
    """Add `p_holm` beside the `p` of each run's test."""
    for key, p in holm({key: test["p"] for key, test in tests.items()}).items():
        tests[key]["p_holm"] = p
