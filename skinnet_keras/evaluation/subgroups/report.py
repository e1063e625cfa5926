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
    every_class = tuple(range(len(scored.classes)))
    # Measured once: attributes differ in the classes that they are compared over.
    everything = Subgroup.measure("all", np.arange(len(lesions)), every_class, scored, draws)
    reports = {
        attribute.name: _attribute_report(scored, attribute, everything, draws, seed)
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
        "overall": subgroup_row(everything.over(frequent), scored),
        "attributes": reports,
    }


def _attribute_report(
    scored: Scored,
    attribute: Attribute,
    everything: Subgroup,
    draws: np.ndarray | None,
    seed: int,
) -> dict[str, Any]:
    number = len(attribute.subgroups)
    counts = count_lesions(
        attribute.codes, scored.true, scored.lesions, number, len(scored.classes)
    )
    comparison = choose_comparison(counts.by_class)
    subgroups = [
        Subgroup.measure(
            name,
            np.flatnonzero(attribute.codes == code),
            # Pairs of classes cost most, and are shown of compared subgroups only.
            comparison.classes if code in comparison.subgroups else (),
            scored,
            draws,
        )
        for code, name in enumerate(attribute.subgroups)
    ]
    rows = [subgroup_row(subgroup, scored) for subgroup in subgroups]
    report = {
        "classes": [scored.classes[k] for k in comparison.classes],
        "all": subgroup_row(everything.over(comparison.classes), scored),
        "subgroups": rows,
        "gaps": _gaps(scored, subgroups, rows, seed),
    }
    return {**report, "warnings": attribute_warnings(attribute.name, report)}


def _gaps(
    scored: Scored,
    subgroups: Sequence[Subgroup],
    rows: Sequence[Mapping[str, Any]],
    seed: int,
) -> dict[str, dict[str, Any] | None]:
    """The largest difference of each tested metric between the subgroups that show it."""
    exchanges: dict[tuple[int, ...], dict[str, np.ndarray]] = {}
    gaps: dict[str, dict[str, Any] | None] = {}
    for metric in TESTED:
        shown = tuple(n for n, row in enumerate(rows) if row["metrics"][metric] is not None)
        compared = [subgroups[n] for n in shown]
        if len(compared) >= 2 and compared[0].draws is not None and shown not in exchanges:
            # Metrics of the same subgroups share the exchanges, which cost most.
            permutations = len(compared[0].draws[metric])
            exchanges[shown] = _exchanged(scored, compared, permutations=permutations, seed=seed)
        gaps[metric] = _gap(compared, metric, exchanges.get(shown))
    return gaps


def _gap(
    compared: Sequence[Subgroup], metric: str, exchanges: Mapping[str, np.ndarray] | None
) -> dict[str, Any] | None:
    if len(compared) < 2:
        return None
    draws = exchanged = None
    paired = [subgroup.draws[metric] for subgroup in compared if subgroup.draws is not None]
    if paired and exchanges is not None:
        draws, exchanged = np.stack(paired, axis=1), exchanges[metric]
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
    scored: Scored, compared: Sequence[Subgroup], *, permutations: int, seed: int
) -> dict[str, np.ndarray]:
    """The tested metrics after exchanges among the subgroups, float (P, len(compared)) each."""
    members = np.concatenate([subgroup.rows for subgroup in compared])
    codes = np.repeat(np.arange(len(compared)), [len(subgroup.rows) for subgroup in compared])
    k, true = len(scored.classes), scored.true[members]
    cells = true * k + scored.predicted[members]

    def measured(exchanged: np.ndarray) -> np.ndarray:
        shape = (len(exchanged), len(compared), k, k)
        place = exchanged * (k * k)
        place += cells
        place += np.arange(len(exchanged))[:, None] * (len(compared) * k * k)
        filled = np.bincount(place.ravel(), minlength=int(np.prod(shape)))
        values = confusion_metrics(filled.reshape(shape), scored.classes, compared[0].classes)
        return np.stack([values[metric] for metric in TESTED], axis=-1)

    found = exchange_subgroups(
        codes, true, scored.lesions[members], measured, permutations=permutations, seed=seed
    )
    return {metric: found[..., number] for number, metric in enumerate(TESTED)}
