"""A run's predictions beside those over views, on the same images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.paired import compare_paired
from skinnet_keras.evaluation.paired_tables import mcnemar_table, paired_differences
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.table import Table
from skinnet_keras.evaluation.tables import comparison, comparison_changes

_UNSETTLED = (
    "Views disagree where not all have the same most probable class: a sign of how much the "
    "network minds how an image was taken."
)


def compare_with_run(
    stored: Mapping[str, Predictions],
    averaged: Mapping[str, Predictions],
    names: tuple[str, str],
    content: Mapping[str, Any],
    *,
    bootstrap: int,
    seed: int,
) -> tuple[dict[str, Any], dict[str, Table]]:
    """Compare on the test images, or on those of validation where there are no others.

    Args:
        stored: Split -> the run's predictions.
        averaged: Split -> those over views.
        names: What tables call the two.
        content: Content of `tta.json`.
        bootstrap: Resamples behind the intervals; 0 = none.
        seed: Seed of the bootstrap.

    Returns:
        `compared_on`, `runs` (reports by name), `changes_percent` and `paired` (as
        `compare_paired` gives it of the second name); and tables by file name.
    """
    split = "test" if "test" in stored else "val"
    runs = {
        name: rows[split].scored() for name, rows in zip(names, (stored, averaged), strict=True)
    }
    reports = {name: evaluate_predictions(rows, bootstrap=0) for name, rows in runs.items()}
    paired = compare_paired(runs, bootstrap=bootstrap, seed=seed)
    tables = {
        "views": _views_table(content),
        "comparison": comparison(reports),
        "paired_differences": paired_differences(paired, names[0], bootstrap=bootstrap),
        "mcnemar": mcnemar_table(paired, names[0]),
    }
    result = {
        "compared_on": split,
        "runs": reports,
        "changes_percent": comparison_changes(reports),
        "paired": paired[names[1]],
    }
    return result, tables


def _views_table(content: Mapping[str, Any]) -> Table:
    views = content["views"]
    rows = tuple(
        (
            split,
            f"{facts['images']:,}",
            f"{facts['unsettled']:,}",
            f"{100 * facts['unsettled'] / facts['images']:.1f}",
        )
        for split, facts in content["splits"].items()
    )
    return Table(
        title=f"Views: {views['name']} ({views['count']})",
        headings=("Split", "Images", "Views disagree", "%"),
        rows=rows,
        footnotes=(_UNSETTLED,),
    )
