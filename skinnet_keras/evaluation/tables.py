"""Tables 2-6 of the paper, for the terminal, as Markdown and as CSV."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table as RichTable

from skinnet_keras.evaluation.metrics import MEAN_COLUMNS, WEIGHTED_COLUMNS, total_row

UNDEFINED = "-"

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
INTERVAL_FOOTNOTE = (
    "Intervals: bootstrap over groups (lesions), or images where no group is given; none for AUC."
)
COMPARISON_FOOTNOTES = (
    "All: FP+FN = misclassified images, each once (the paper's reading: sum of FN = sum of FP).",
    "Rares: errors = misclassified images whose true or predicted class is rare, each once; "
    "FP+FN = sum of FP and FN over the rare classes. (5) = AK, BKL, DF, VASC, SCC as the paper "
    "defines them, (4) = without BKL.",
    "None of these rare counts reproduces the paper's table 6 to the digit: its printed counts are "
    "below the false negatives of the five classes alone.",
)


@dataclass(frozen=True)
class Table:
    """Text cells with headings; the first column names the row.

    Attributes:
        title: What the table shows.
        headings: Names of the columns.
        rows: Cells, as long as `headings` each.
        footnotes: Sentences under the table (not in CSV).
        last_is_total: Whether a line separates the last row from the others.
    """

    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    footnotes: tuple[str, ...] = ()
    last_is_total: bool = False

    def to_rich(self) -> RichTable:
        """The table for a terminal."""
        table = RichTable(
            title=escape(self.title),
            caption=escape("\n".join(self.footnotes)) or None,
            caption_justify="left",
            title_justify="left",
            box=box.SIMPLE_HEAD,
            show_edge=False,
            pad_edge=False,
            padding=(0, 1, 0, 0),
        )
        for heading, width in zip(self.headings, self._widths(), strict=True):
            justify: Literal["left", "right"] = "right" if table.columns else "left"
            table.add_column(escape(heading), justify=justify, vertical="bottom", width=width)
        for number, row in enumerate(self.rows):
            separate = self.last_is_total and number == len(self.rows) - 2
            table.add_row(*(escape(cell) for cell in row), end_section=separate)
        return table

    def print(self, console: Console) -> None:
        """Print the table, wider than the console rather than with numbers cut off."""
        # Two blanks between columns.
        console.width = max(console.width, sum(width + 2 for width in self._widths()))
        console.print(self.to_rich())
        console.print()

    def _widths(self) -> list[int]:
        """Characters a column needs: numbers stay whole, headings may break between words."""
        return [
            max(map(len, (*heading.split(), *cells)))
            for heading, *cells in zip(self.headings, *self.rows, strict=True)
        ]

    def to_markdown(self) -> str:
        """The table as GitHub Markdown, title first, footnotes last."""
        lines = [
            _markdown_row(self.headings),
            "|---" + "|---:" * (len(self.headings) - 1) + "|",
            *(_markdown_row(row) for row in self.rows),
        ]
        paragraphs = [f"**{self.title}**", "\n".join(lines), *self.footnotes]
        return "\n\n".join(paragraphs) + "\n"

    def to_csv(self) -> str:
        """Headings and rows as CSV."""
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([self.headings, *self.rows])
        return text.getvalue()


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
            (label, *(_number(values[column]) for column in columns))
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


def headline(report: Mapping[str, Any], name: str) -> Table:
    """The headline numbers with their 95 % intervals.

    Args:
        report: As `evaluate_predictions` returns it.
        name: What was scored, for the title.
    """
    headings = {**COMPARISON_HEADINGS, "accuracy": "Accuracy", "macro_auc": "Macro AUC"}
    rows = []
    for key, heading in headings.items():
        interval = report["ci"].get(key)
        bounds = (
            " .. ".join(format_cell(key, bound) for bound in interval) if interval else UNDEFINED
        )
        rows.append((heading, format_cell(key, report[key]), bounds))
    return Table(
        title=f"Summary: {name}",
        headings=("Metric", "Value", "95 % interval"),
        rows=tuple(rows),
        footnotes=(INTERVAL_FOOTNOTE,),
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
                ("  difference, %", *(_signed(changes[name][key]) for key in COMPARISON_HEADINGS))
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
    return _number(value)


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.4f}"


def _signed(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:+.1f}"


def _markdown_row(cells: tuple[str, ...]) -> str:
    escaped = (cell.strip().replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(escaped) + " |"
