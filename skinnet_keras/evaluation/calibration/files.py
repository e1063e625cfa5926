"""`calibration.json` and `thresholds.json`: read again, and refused where they no longer fit.

Both name the file they were fitted on with its SHA-256, `thresholds.json` the calibration too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import write_json
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.abstention.report import Abstention
from skinnet_keras.evaluation.calibration.model import CalibratedModel, describe_model, score_model
from skinnet_keras.evaluation.calibration.report import SCORES
from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.json_text import read_json_file

CALIBRATION_FILE = "calibration.json"
THRESHOLDS_FILE = "thresholds.json"

_AGAIN = "run `skinnet calibrate` again"


def write_model(
    folder: Path, model: CalibratedModel, validation_file: Path, validation: Predictions
) -> list[str]:
    """Write `calibration.json` and `thresholds.json`, each whole or not at all.

    Args:
        folder: Created if absent; files of the same names are replaced.
        model: What was fitted.
        validation_file: The predictions file it was fitted on.
        validation: Its labelled rows.

    Returns:
        Names of the files written.
    """
    fitted = describe_model(model)
    report = score_model(model, validation, bootstrap=0)
    comparison, rules = report["calibration"], report["decisions"]["rules"]
    origin = {
        "file": validation_file.name,
        "split": "val",
        "sha256": _sha256(validation_file),
        "images": len(validation.labels),
    }
    scores = {
        when: {name: comparison[when][name] for name in SCORES} for when in ("before", "after")
    }
    write_json(
        folder / CALIBRATION_FILE,
        {**fitted["calibration"], "fitted_on": origin, "validation": scores},
        allow_nan=False,
    )
    write_json(
        folder / THRESHOLDS_FILE,
        {
            **fitted["decisions"],
            "abstention": fitted["abstention"],
            "fitted_on": origin,
            "calibration_sha256": _sha256(folder / CALIBRATION_FILE),
            "validation": {rule: row["mean_cost"] for rule, row in rules.items()},
        },
        allow_nan=False,
    )
    return [CALIBRATION_FILE, THRESHOLDS_FILE]


def read_calibration(path: Path, predictions: Path | None = None) -> Calibration:
    """Read a calibration, and check that it still fits the run.

    Args:
        path: A `calibration.json`.
        predictions: The validation predictions as they are now; None = not checked.

    Raises:
        UserError: The file cannot be read or holds no calibration, or the predictions changed.
    """
    content = _read(path)
    try:
        calibration = Calibration.from_json(content)
    except ValueError as error:
        raise UserError(f"{path} is no calibration ({error}): {_AGAIN}.") from error
    _check_predictions(path, content, predictions)
    return calibration


def read_thresholds(
    path: Path, predictions: Path | None = None, calibration: Path | None = None
) -> tuple[Thresholds, Abstention]:
    """Read thresholds of decisions and of abstention, and check that they still fit the run.

    Args:
        path: A `thresholds.json`.
        predictions: The validation predictions as they are now; None = not checked.
        calibration: The `calibration.json` as it is now; None = not checked.

    Raises:
        UserError: The file cannot be read or holds no thresholds, or the predictions or the
            calibration changed.
    """
    content = _read(path)
    try:
        thresholds = Thresholds.from_json(content.get("thresholds"))
        abstention = Abstention.from_json(content.get("abstention"))
    except ValueError as error:
        raise UserError(f"{path} holds no thresholds ({error}): {_AGAIN}.") from error
    _check_predictions(path, content, predictions)
    if calibration is not None and _sha256(calibration) != content.get("calibration_sha256"):
        raise UserError(f"{path} was made for another calibration than {calibration}: {_AGAIN}.")
    return thresholds, abstention


def _check_predictions(path: Path, content: Mapping[str, Any], predictions: Path | None) -> None:
    origin = content.get("fitted_on")
    expected = origin.get("sha256") if isinstance(origin, dict) else None
    if predictions is not None and _sha256(predictions) != expected:
        raise UserError(
            f"{path} was fitted on other predictions than {predictions} holds now: {_AGAIN}."
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        content = read_json_file(path)
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}): {_AGAIN}.") from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds no JSON object: {_AGAIN}.")
    return content


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read: {error.strerror}.") from error
