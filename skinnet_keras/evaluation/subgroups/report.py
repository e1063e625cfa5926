"""The subgroup report: every attribute's subgroups, their metrics, and the largest gaps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES, group_indices
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.significance import holm
from skinnet_keras.evaluation.subgroups.attributes import Attribute
from skinnet_keras.evaluation.subgroups.comparison import (
    MIN_CLASS_LESIONS,
    MIN_LESIONS,
    choose_comparison,
    count_lesions,
)
from skinnet_keras.evaluation.subgroups.gaps import exchange_subgroups, largest_gap
from skinnet_keras.evaluation.subgroups.metrics import (
    Scored,
    confusion_metrics,
    draw_lesions,
)
from skinnet_keras.evaluation.subgroups.rows import Subgroup, subgroup_row
from skinnet_keras.evaluation.subgroups.warnings import attribute_warnings

TESTED = ("balanced_accuracy", "mel_sensitivity", "mel_specificity")
"""The metrics whose largest gap is tested; accuracy depends on the mix of classes."""


def subgroup_report(
    predictions: Predictions,
    attributes: Sequence[Attribute],
    *,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Measure every subgroup and the largest gap of every attribute.

    Args:
        predictions: N labelled rows (`Predictions.scored`), with groups where lesions are known.
        attributes: Their divisions.
        bootstrap: Resamples of lesions behind the 95 % intervals, and permutations behind the
            tests; 0 = neither.
        seed: Seed of both.

    Returns:
        `n`, `lesions`, `classes`, `bootstrap`, `min_class_lesions`, `min_lesions`; `overall`, the
        row of all images over the classes with `min_class_lesions`; and `attributes`: name ->
        `classes` (those compared), `all` (all images) and `subgroups` (a row each), `gaps`
        (metric -> None or `high, low, difference, ci, by_chance, p_value, p_holm`), `warnings`
        (sentences).

        A row has `name, images, lesions, images_by_class, lesions_by_class, compared`, `metrics`
        (the keys of `metrics.METRICS`) and `ci`, `recall` and `recall_ci` (by class). None =
        undefined or of too few lesions. `p_holm` counts all tests of the report.
    """
    lesions = group_indices(predictions.groups, len(predictions.labels))
    scored = Scored.of(predictions, lesions)
    draws = draw_lesions(lesions, bootstrap, seed) if bootstrap else None
    reports = {
        attribute.name: _attribute_report(scored, attribute, draws, seed)
        for attribute in attributes
    }
    gaps = [
        gap
        for report in reports.values()
        for gap in report["gaps"].values()
        if gap and gap["p_value"] is not None
    ]
    adjusted = holm({str(number): gap["p_value"] for number, gap in enumerate(gaps)})
    for gap, p_value in zip(gaps, adjusted.values(), strict=True):
        gap["p_holm"] = p_value
    whole = count_lesions(np.zeros_like(lesions), scored.true, lesions, 1, len(scored.classes))
    frequent = tuple(np.flatnonzero(whole.by_class[0] >= MIN_CLASS_LESIONS).tolist())
    return {
        "n": len(scored.true),
        "lesions": int(lesions.max()) + 1,
        "classes": list(scored.classes),
        "bootstrap": bootstrap,
        "min_class_lesions": MIN_CLASS_LESIONS,
        "min_lesions": MIN_LESIONS,
        "overall": subgroup_row(_everything(scored, frequent, draws), scored),
        "attributes": reports,
    }


def _attribute_report(
    scored: Scored, attribute: Attribute, draws: np.ndarray | None, seed: int
) -> dict[str, Any]:
    number = len(attribute.subgroups)
    counts = count_lesions(
        attribute.codes, scored.true, scored.lesions, number, len(scored.classes)
    )
    comparison = choose_comparison(counts.by_class)
    subgroups = [
        Subgroup.measure(
            name, np.flatnonzero(attribute.codes == code), comparison.classes, scored, draws
        )
        for code, name in enumerate(attribute.subgroups)
    ]
    everything = _everything(scored, comparison.classes, draws)
    rows = [subgroup_row(subgroup, scored) for subgroup in subgroups]
    report = {
        "classes": [scored.classes[k] for k in comparison.classes],
        "all": subgroup_row(everything, scored),
        "subgroups": rows,
        "gaps": {metric: _gap(scored, subgroups, rows, metric, seed) for metric in TESTED},
    }
    return {**report, "warnings": attribute_warnings(attribute.name, report)}


def _everything(scored: Scored, classes: tuple[int, ...], draws: np.ndarray | None) -> Subgroup:
    return Subgroup.measure("all", np.arange(len(scored.true)), classes, scored, draws)


def _gap(
    scored: Scored,
    subgroups: Sequence[Subgroup],
    rows: Sequence[Mapping[str, Any]],
    metric: str,
    seed: int,
) -> dict[str, Any] | None:
    """The largest difference of a metric between the subgroups that show it."""
    compared = [
        subgroup
        for subgroup, row in zip(subgroups, rows, strict=True)
        if row["metrics"][metric] is not None
    ]
    if len(compared) < 2:
        return None
    draws = exchanged = None
    paired = [subgroup.draws[metric] for subgroup in compared if subgroup.draws is not None]
    if paired:
        draws = np.stack(paired, axis=1)
        exchanged = _exchanged(scored, compared, metric, permutations=len(draws), seed=seed)
    values = np.array([subgroup.values[metric][0] for subgroup in compared])
    gap = largest_gap(values, draws, exchanged)
    if gap is None:
        return None
    return {
        "high": compared[gap.high].name,
        "low": compared[gap.low].name,
        "difference": gap.difference,
        "ci": None if gap.interval is None else list(gap.interval),
        "by_chance": gap.by_chance,
        "p_value": gap.p_value,
        "p_holm": None,
    }


def _exchanged(
    scored: Scored, compared: Sequence[Subgroup], metric: str, *, permutations: int, seed: int
) -> np.ndarray:
    """The metric after exchanges among the compared subgroups, float (P, len(compared))."""
    members = np.concatenate([subgroup.rows for subgroup in compared])
    codes = np.repeat(np.arange(len(compared)), [len(subgroup.rows) for subgroup in compared])
    k, true = len(scored.classes), scored.true[members]
    cells = true * k + scored.predicted[members]

    def measured(exchanged: np.ndarray) -> np.ndarray:
        sheets = np.arange(len(exchanged))[:, None] * len(compared) + exchanged
        shape = (len(exchanged), len(compared), k, k)
        filled = np.bincount((sheets * k * k + cells).ravel(), minlength=int(np.prod(shape)))
        values = confusion_metrics(filled.reshape(shape), scored.classes, compared[0].classes)
        return values[metric]

    return exchange_subgroups(
        codes, true, scored.lesions[members], measured, permutations=permutations, seed=seed
    )
