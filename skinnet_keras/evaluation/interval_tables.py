"""Tables of an evaluation's numbers with their intervals: the summary, and those of each class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skinnet_keras.evaluation.confusion import MEAN_COLUMNS
from skinnet_keras.evaluation.ranking import RANKING_METRICS
from skinnet_keras.evaluation.table import UNDEFINED, Table, with_interval
from skinnet_keras.evaluation.tables import (
    COMPARISON_FOOTNOTES,
    COMPARISON_HEADINGS,
    PER_CLASS_HEADINGS,
    format_cell,
)

MELANOMA = "MEL"

SUMMARY_HEADINGS = {
    **COMPARISON_HEADINGS,
    "accuracy": "Accuracy",
    "macro_f1": "Macro F1",
    "kappa": "Cohen's kappa",
    "mcc": "MCC",
}


def headline(report: Mapping[str, Any], name: str) -> Table:
    """The headline numbers with their 95 % intervals, and melanoma against the rest.

    Args:
        report: As `evaluate_predictions` returns it.
        name: What was scored, for the title.
    """
    ranking = _ranking_headings(report["settings"])
    headings = SUMMARY_HEADINGS | {f"macro_{key}": f"Macro {ranking[key]}" for key in ranking}
    rows = [
        (heading, format_cell(key, report[key]), _bounds(key, report["ci"].get(key)))
        for key, heading in headings.items()
    ]
    if MELANOMA in report["per_class"]:
        numbers = report["per_class"][MELANOMA]
        intervals = report["ci_per_class"].get(MELANOMA, {})
        for key, heading in {"recall": "recall", "precision": "precision", **ranking}.items():
            cells = (format_cell(key, numbers[key]), _bounds(key, intervals.get(key)))
            rows.append((f"{MELANOMA}: {heading}", *cells))
    return Table(
        title=f"Summary: {name}",
        headings=("Metric", "Value", "95 % interval"),
        rows=tuple(rows),
        footnotes=(
            *interval_footnotes(report["settings"]),
            *_ranking_footnotes(report["settings"]),
            *COMPARISON_FOOTNOTES[:2],
        ),
    )


def class_intervals(report: Mapping[str, Any], name: str) -> Table:
    """Specificity, recall, precision and F1 of each class with their intervals.

    Args:
        report: As `evaluate_predictions` returns it.
        name: What was scored, for the title.
    """
    return Table(
        title=f"Metrics per class with 95 % intervals: {name}",
        headings=("Class", "Images", *(PER_CLASS_HEADINGS[key] for key in MEAN_COLUMNS)),
        rows=tuple(_class_rows(report, MEAN_COLUMNS)),
        footnotes=interval_footnotes(report["settings"]),
    )


def ranking(report: Mapping[str, Any], name: str) -> Table:
    """Areas and operating points of each class against the rest, with their intervals.

    Args:
        report: As `evaluate_predictions` returns it.
        name: What was scored, for the title.
    """
    headings = _ranking_headings(report["settings"]).values()
    macro = [
        with_interval(report[f"macro_{key}"], report["ci"].get(f"macro_{key}"))
        for key in RANKING_METRICS
    ]
    return Table(
        title=f"Each class against the rest, with 95 % intervals: {name}",
        headings=("Class", "Images", *(_capital(name) for name in headings)),
        rows=(*_class_rows(report, RANKING_METRICS), ("Macro", str(report["n"]), *macro)),
        footnotes=(
            *_ranking_footnotes(report["settings"]),
            *interval_footnotes(report["settings"]),
        ),
        last_is_total=True,
    )


def interval_footnotes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    """How intervals were made; nothing where there are none.

    Args:
        settings: Of a report: `bootstrap`, `groups` and `seed`.
    """
    if not settings["bootstrap"]:
        return ()
    return (
        f"Intervals: percentiles of {settings['bootstrap']} bootstrap resamples of the "
        f"{settings['groups']} groups (lesions, or images where no group is given), seed "
        f"{settings['seed']}. Where resamples do not vary: Clopper and Pearson's over groups for "
        "a rate of 0 or 1, - for other numbers.",
    )


def _class_rows(report: Mapping[str, Any], keys: Sequence[str]) -> list[tuple[str, ...]]:
    return [
        (
            label,
            str(numbers["support"]),
            *(
                with_interval(numbers[key], report["ci_per_class"].get(label, {}).get(key))
                for key in keys
            ),
        )
        for label, numbers in report["per_class"].items()
    ]


def _ranking_headings(settings: Mapping[str, Any]) -> dict[str, str]:
    return {
        "auc": "AUC",
        "average_precision": "PR-AUC",
        "pauc": f"pAUC above TPR {settings['min_tpr']:g}",
        "sensitivity_at_specificity": f"sensitivity at specificity {settings['specificity']:g}",
        "specificity_at_sensitivity": f"specificity at sensitivity {settings['sensitivity']:g}",
    }


def _capital(name: str) -> str:
    return name if name.startswith("pAUC") else name[0].upper() + name[1:]


def _ranking_footnotes(settings: Mapping[str, Any]) -> tuple[str, ...]:
    height = 1.0 - settings["min_tpr"]
    return (
        "Areas and thresholds: one class against the rest; macro = mean of the classes that define "
        "it. PR-AUC = average precision, by chance the class's share. pAUC = area under the ROC "
        "curve above that sensitivity (TPR), not rescaled, as in ISIC-2024: at most "
        f"{height:.4g}, by chance {height**2 / 2:.4g}. Thresholds are observed scores: nothing is "
        "interpolated.",
    )


def _bounds(key: str, interval: Sequence[float] | None) -> str:
    if interval is None:
        return UNDEFINED
    return " to ".join(format_cell(key, bound) for bound in interval)
