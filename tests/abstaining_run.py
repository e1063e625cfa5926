"""A run with the files of `skinnet calibrate`, of numbers that are known."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

from skinnet_keras.evaluation.calibration.scaling import Calibration
from skinnet_keras.taxonomy import CLASSES


def make_abstaining_run(run: Path, folder: Path, *, threshold: float) -> Path:
    """Copy a run; it abstains where its largest probability is below `threshold`."""
    shutil.copytree(run, folder)
    (folder / "predictions_val.csv").write_text("image_id,label\n")
    scale = tuple(1.0 + 0.1 * k for k in range(len(CLASSES)))
    bias = tuple(0.2 * k for k in range(len(CLASSES)))
    calibration = Calibration("vector", CLASSES, scale, bias).to_json()
    origin = {"fitted_on": {"sha256": _sha256(folder / "predictions_val.csv")}}
    (folder / "calibration.json").write_text(json.dumps(calibration | origin))
    thresholds = {
        "thresholds": dict.fromkeys(CLASSES, 0.5),
        "abstention": {
            "score": "max_probability",
            "threshold": threshold,
            "target": "coverage",
            "value": 0.5,
        },
        "calibration_sha256": _sha256(folder / "calibration.json"),
    }
    (folder / "thresholds.json").write_text(json.dumps(thresholds | origin))
    return folder


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
