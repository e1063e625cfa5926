"""Write the report of a calibration to a folder: numbers, tables and plots."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import write_json
from skinnet_keras.evaluation.abstention.plot import plot_risk_coverage
from skinnet_keras.evaluation.calibration.metrics import DEFAULT_BINS
from skinnet_keras.evaluation.calibration.model import CalibratedModel, describe_model
from skinnet_keras.evaluation.calibration.plot import plot_reliability
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.report import write_tables
from skinnet_keras.evaluation.table import Table


def write_report(
    folder: Path,
    model: CalibratedModel,
    images: Predictions,
    report: Mapping[str, Any],
    tables: Mapping[str, Table],
    name: str,
    *,
    num_bins: int = DEFAULT_BINS,
) -> list[str]:
    """Write `calibration_report.json`, the tables and both plots.

    Args:
        folder: Created if absent; files of the same names are replaced.
        model: What was fitted.
        images: The labelled images that were scored.
        report: As `score_model` returns it.
        tables: File name without suffix -> table.
        name: What was scored, for the titles.
        num_bins: Bins of the reliability diagrams.

    Returns:
        Names of the files written.
    """
    content = {"fitted": describe_model(model), "scored": name, **report}
    write_json(folder / "calibration_report.json", content, allow_nan=False)
    written = ["calibration_report.json", *write_tables(folder, tables)]
    calibration, variants = model.fit.calibration, {"before": images}
    if calibration.kind != "identity":
        variants["after"] = calibration.apply_to(images)
    plot_reliability(
        variants, folder / "reliability.png", num_bins=num_bins, title=f"Reliability: {name}"
    )
    plot_risk_coverage(images, folder / "risk_coverage.png", title=f"Selective prediction: {name}")
    return [*written, "reliability.png", "risk_coverage.png"]
