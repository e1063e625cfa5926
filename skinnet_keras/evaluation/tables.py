"""Tables 2-6 of the paper and the summary of an evaluation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skinnet_keras.evaluation.confusion import MEAN_COLUMNS, WEIGHTED_COLUMNS, total_row
from skinnet_keras.evaluation.table import Table, number

PER_CLASS_HEADINGS = {
    "specificity": "Specificity",
    "recall": "Recall",
    "precision": "Precision",
    "f1": "F1-Score",
    "wrecall": "WRecall",
    "wprecision": "WPrecision",
    "wf1": "WF1",
}
COMPARISON_HEADINGS = {
    "errors_all": "All: FP+FN",
    "errors_rare_5": "Rares (5): errors",
    "errors_rare_4": "Rares (4): errors",
    "fp_fn_rare_5": "Rares (5): FP+FN",
    "fp_fn_rare_4": "Rares (4): FP+FN",
    "macro_specificity": "Specificity",
    "wrecall": "WRecall",
    "wprecision": "WPrecision",
    "wf1": "WF1",
    "balanced_accuracy": "Balanced accuracy",
}
COUNTS = ("errors_all", "errors_rare_5", "errors_rare_4", "fp_fn_rare_5", "fp_fn_rare_4")

TOTAL_FOOTNOTE = (
    "Total: mean of the first four columns, sum of the weighted ones; - = undefined, left out."
)
COMPARISON_FOOTNOTES = (
    "All: FP+FN = misclassified images, each once (the paper's reading: sum of FN = sum of FP).",
    "Rares: errors = misclassified images whose true or predicted class is rare, each once; "
    "FP+FN = sum of FP and FN over the rare classes. (5) = AK, BKL, DF, VASC, SCC as the paper "
    "defines them, (4) = without BKL.",
    "None of these rare counts reproduces the paper's table 6 to the digit: its printed counts are "
    "below the false negatives of the five classes alone.",
)


def per_class(report: Mapping[str, Any], name: str) -> Table:
    """A table like the paper's 2-5: seven metrics a class and the Total row, four decimals.

    Args:
        report: As `evaluate_predictions` returns it.
        name: What was scored, for the title.
    """
    columns = (*MEAN_COLUMNS, *WEIGHTED_COLUMNS)
    rows = {**report["per_class"], "Total": total_row(report["per_class"])}
    return Table(
        title=f"Metrics per class: {name} (n = {report['n']})",
        headings=("Class", *(PER_CLASS_HEADINGS[column] for column in columns)),
        rows=tuple(
            (label, *(number(values[column]) for column in columns))
            for label, values in rows.items()
        ),
        footnotes=(TOTAL_FOOTNOTE,),
        last_is_total=True,
    )


def confusion(matrix: np.ndarray, classes: tuple[str, ...], name: str) -> Table:
    """The confusion matrix, rows true, columns predicted.

    Args:
        matrix: int (K, K), rows true.
        classes: K class names.
        name: What was scored, for the title.
    """
    return Table(
        title=f"Confusion matrix: {name}",
        headings=("true \\ predicted", *classes),
        rows=tuple(
            (label, *(str(count) for count in row))
            for label, row in zip(classes, matrix.tolist(), strict=True)
        ),
    )


def comparison(reports: Mapping[str, Mapping[str, Any]]) -> Table:
    """A table like the paper's 6: one row a run, then its signed difference to the first in %.

    Args:
        reports: Name of the run -> report as `evaluate_predictions` returns it; the first is what
            the others are compared with.
    """
    first = next(iter(reports))
    changes = comparison_changes(reports)
    rows: list[tuple[str, ...]] = []
    for name, report in reports.items():
        rows.append((name, *(format_cell(key, report[key]) for key in COMPARISON_HEADINGS)))
        if name != first:
            rows.append(
                (
                    "  difference, %",
                    *(number(changes[name][key], "+.1f") for key in COMPARISON_HEADINGS),
                )
            )
    return Table(
        title=f"Comparison (differences to {first})" if len(reports) > 1 else "Comparison",
        headings=("Model", *COMPARISON_HEADINGS.values()),
        rows=tuple(rows),
        footnotes=COMPARISON_FOOTNOTES,
    )


def comparison_changes(
    reports: Mapping[str, Mapping[str, Any]],
) -> dict[str, dict[str, float | None]]:
    """Signed difference of every run's headline numbers to the first run's, in percent.

    Args:
        reports: Name of the run -> report.

    Returns:
        Name -> column -> 100 (value - first) / first, None where either is undefined or the first
        is 0. The first run itself is not listed.
    """
    (_, base), *others = reports.items()
    return {
        name: {key: _percent(report[key], base[key]) for key in COMPARISON_HEADINGS}
        for name, report in others
    }


def _percent(value: float | None, base: float | None) -> float | None:
    if value is None or not base:
        return None
    return 100.0 * (value - base) / base


def format_cell(key: str, value: float | None) -> str:
    """A headline number as the tables print it: counts whole, means of counts with a decimal."""
    if value is not None and key in COUNTS:
        return f"{value:.0f}" if float(value).is_integer() else f"{value:.1f}"
    return number(value)
