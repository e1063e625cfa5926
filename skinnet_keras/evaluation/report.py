"""Write an evaluation to a folder: numbers, tables and plots."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.atomic import atomic_file, write_json
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation import plots
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.table import Table


def write_tables(folder: str | Path, tables: Mapping[str, Table]) -> list[str]:
    """Write each table as `<name>.csv` and all of them as `tables.md` and `tables.tex`.

    Args:
        folder: Created if absent; files of the same names are replaced.
        tables: File name without suffix -> table.

    Returns:
        Names of the files written.

    Raises:
        UserError: `folder` is a file.
    """
    folder = _folder(folder)
    texts = {f"{name}.csv": table.to_csv() for name, table in tables.items()}
    texts["tables.md"] = "\n".join(table.to_markdown() for table in tables.values())
    texts["tables.tex"] = "\n".join(table.to_latex(f"tab:{name}") for name, table in tables.items())
    for name, text in texts.items():
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    return list(texts)


def write_report(
    folder: str | Path,
    report: Mapping[str, Any],
    tables: Mapping[str, Table],
    scored: Predictions,
    confusion: np.ndarray,
    name: str,
    run: Path | None = None,
) -> list[str]:
    """Write `metrics.json`, the tables, and the plots of one evaluation.

    Args:
        folder: Created if absent; files of the same names are replaced.
        report: As `evaluate_predictions` returns it.
        tables: File name without suffix -> table.
        scored: The labelled predictions behind them.
        confusion: int (K, K), rows true, columns predicted.
        name: What was scored, for the titles.
        run: Folder whose `history.csv`, if there is one of epochs, gives the training curves.

    Returns:
        Names of the files written.

    Raises:
        UserError: `folder` is a file, or the history cannot be read.
    """
    folder = _folder(folder)
    write_json(folder / "metrics.json", report)
    written = ["metrics.json", *write_tables(folder, tables)]
    plots.plot_confusion_matrix(
        confusion,
        scored.classes,
        folder / "confusion_matrix.png",
        title=f"Confusion matrix: {name}",
    )
    plots.plot_roc(scored, folder / "roc.png", title=f"ROC, each class against the rest: {name}")
    written += ["confusion_matrix.png", "roc.png"]
    history = None if run is None else run / "history.csv"
    if run is not None and history is not None and _has_epochs(history):
        plots.plot_history(history, folder / "training.png", title=f"Training: {run.name}")
        written.append("training.png")
    return written


def _has_epochs(history: Path) -> bool:
    """Whether there are curves to draw: the history of a grid search has candidates, not epochs."""
    if not history.is_file():
        return False
    with history.open(newline="", encoding="utf-8", errors="replace") as file:
        return "candidate" not in next(csv.reader(file), [])


def _folder(path: str | Path) -> Path:
    path = Path(path)
    if path.exists() and not path.is_dir():
        raise UserError(f"{path} is a file where a folder is to be written: choose another name.")
    return path
