"""The folder that test-time augmentation leaves: the evaluation commands take it for a run."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras

from skinnet_keras.atomic import write_json
from skinnet_keras.data.views import View
from skinnet_keras.evaluation.ensembles.report import versions
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions, read_predictions
from skinnet_keras.evaluation.split_predictions import write_split_predictions
from skinnet_keras.runs.files import file_sha256
from skinnet_keras.runs.masks import MASKS_FILE, TABLE_FILE
from skinnet_keras.runs.run import place_of
from skinnet_keras.runs.view_record import write_tta
from skinnet_keras.training.masks import link_masks
from skinnet_keras.tta.averaging import average_views
from skinnet_keras.tta.run import EvaluatedRun

# What reports and cards say of the training; no weights: a client needs the run itself.
_COPIED = (
    *("config.yaml", "environment.json", "catalogue.sha256", "history.csv"),
    "checkpoints/*/best.json",
)
_HASHED = ("config.yaml", "predictions_val.csv", "predictions_test.csv", MASKS_FILE)


def write_view_averages(
    folder: Path, evaluated: EvaluatedRun, name: str, views: Sequence[View]
) -> tuple[dict[str, Any], dict[str, Predictions]]:
    """Predict all views of a run's held-out images; leave what evaluation commands read.

    Writes `predictions_<split>.csv`, `metrics.json`, `tta.json`, copies of the run's description
    and links to its masks.

    Args:
        folder: An existing folder.
        evaluated: The run.
        name: Name of the set of views.
        views: The views, the image itself first.

    Returns:
        The content of `tta.json`, and split -> what was written.

    Raises:
        UserError: The run's images or outputs are not what they were.
    """
    run, catalogue = evaluated.run, evaluated.opened.catalogue
    splits: dict[str, dict[str, Any]] = {}
    written: dict[str, Predictions] = {}
    for split in evaluated.stored:
        samples = evaluated.samples(split)
        found = average_views(evaluated.classifier, samples, views, f"{split}: {len(views)} views")
        path = folder / f"predictions_{split}.csv"
        write_split_predictions(path, catalogue, samples.image_ids, found.probabilities)
        written[split] = read_predictions(path)
        splits[split] = {
            "images": len(samples),
            "unsettled": found.unsettled,
            "deviation_from_stored": evaluated.deviation(split, found.first),
        }
    reports = {split: evaluate_predictions(rows) for split, rows in written.items()}
    metrics = {"name": f"{run.config.name} ({name})", "classification": reports}
    write_json(folder / "metrics.json", metrics, allow_nan=False)
    _describe_run(evaluated, folder)
    content = {
        "views": _describe_views(name, views),
        "average": "mean of probabilities",
        "masks": evaluated.masks,
        "run": {
            "name": run.config.name,
            **place_of(run.directory, folder, "path", "relative_path"),
            "sha256": {**evaluated.models.weight_hashes(), **_hashes(run.directory)},
        },
        "splits": splits,
        "versions": {**versions(), "keras": keras.__version__, "backend": keras.backend.backend()},
    }
    write_tta(folder, content)
    return content, written


def _describe_views(name: str, views: Sequence[View]) -> dict[str, Any]:
    return {"name": name, "count": len(views), "list": [view.describe() for view in views]}


def _hashes(directory: Path) -> Mapping[str, str]:
    files = [directory / name for name in _HASHED]
    return {file.name: file_sha256(file) for file in files if file.is_file()}


def _describe_run(evaluated: EvaluatedRun, folder: Path) -> None:
    source = evaluated.run.directory
    for pattern in _COPIED:
        for file in source.glob(pattern):
            target = folder / file.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    # Its catalogue lies elsewhere as seen from here.
    replace(evaluated.run, directory=folder).remember_catalogue()
    if all((source / name).is_file() for name in (MASKS_FILE, TABLE_FILE)):
        link_masks(source, folder)
