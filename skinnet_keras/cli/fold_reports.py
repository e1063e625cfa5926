"""The tables and files of a finished cross-validation."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import write_json
from skinnet_keras.evaluation.crossval import (
    crossval_report,
    crossval_table,
    pool_folds,
    segmentation_report,
    segmentation_table,
)
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions
from skinnet_keras.evaluation.report import write_tables
from skinnet_keras.evaluation.table import Table

_PREDICTIONS = "predictions_test.csv"


def report_folds(
    name: str, runs: Sequence[Path], out: Path, *, bootstrap: int, seed: int = 0
) -> tuple[dict[str, Any], Table]:
    """Score finished fold runs together.

    Leaves `metrics.json`, the table (CSV, Markdown) and, for classifiers, the out-of-fold
    predictions in the folder.

    Args:
        name: Name of the experiment.
        runs: The run directories, by fold.
        out: The folder.
        bootstrap: Resamples of groups behind the pooled intervals; 0 = none.
        seed: Seed of the bootstrap.

    Returns:
        The content of `metrics.json`, and the table.
    """
    if (runs[0] / _PREDICTIONS).is_file():
        folds = [read_predictions(run / _PREDICTIONS) for run in runs]
        pooled = pool_folds(folds)
        report = crossval_report(folds, bootstrap=bootstrap, seed=seed)
        table = crossval_table(report, name)
        write_predictions(
            out / _PREDICTIONS,
            pooled.image_ids,
            pooled.labels,
            pooled.probabilities,
            pooled.classes,
            groups=pooled.groups,
        )
    else:
        metrics = [json.loads((run / "metrics.json").read_text(encoding="utf-8")) for run in runs]
        report = segmentation_report([each["segmentation"]["test"] for each in metrics])
        table = segmentation_table(report, name)
    report = {"name": name, **report}
    write_json(out / "metrics.json", report)
    write_tables(out, {"crossval": table})
    return report, table
