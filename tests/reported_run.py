"""A finished run that a report can be written about; its weights are no network."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from skinnet_keras.config import Config
from skinnet_keras.evaluation.predictions import write_predictions
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES
from tiny_run import SIZE, make_catalogue


def write_made_predictions(path, table, *, right: float = 0.3, seed: int = 0):
    """Predictions of the table's images that recognise a share of them."""
    rng = np.random.default_rng(seed)
    probabilities = rng.dirichlet(np.ones(8), len(table))
    for row, label in enumerate(table["label"]):
        if rng.random() < right:
            probabilities[row, CLASSES.index(label)] += 3
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    columns = [list(table[name]) for name in ("image_id", "label")]
    write_predictions(path, *columns, probabilities, CLASSES, list(table["group"]))


def make_reported_run(root: Path) -> Run:
    """A finished run as far as a report looks: pictures, masks, history, predictions."""
    catalogue = make_catalogue(root / "data", images=36)
    config = Config.model_validate(
        {
            "name": "tiny",
            "image_size": SIZE,
            "model": {"variant": "v2"},
            "segmenter": {},
            "stages": {"segmentation": {"epochs": 1}, "cnn": {"epochs": 2}},
        }
    )
    run = Run.create(root / "tiny", config, catalogue)
    test = catalogue.usable(["test"])
    write_made_predictions(run.directory / "predictions_test.csv", test)
    write_made_predictions(run.directory / "predictions_val.csv", catalogue.usable(["val"]), seed=1)
    ids = list(catalogue.usable()["image_id"])
    masks = np.zeros((len(ids), SIZE, SIZE), np.uint8)
    masks[:, 8:20, 8:20] = 1
    np.save(run.directory / "masks.npy", masks)
    with (run.directory / "masks.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "mask_origin", "in_sample"])
        writer.writerows([name, "predicted:tiny/x", "0"] for name in ids)
    rows = [
        {"stage": "segmentation", "epoch": 1, "loss": 1.0, "val_loss": 0.9, "seconds": 30},
        *(
            {"stage": "cnn", "epoch": n, "loss": 1 / n, "val_loss": 1.1 / n, "seconds": 45}
            for n in (1, 2)
        ),
    ]
    run.write_history(rows)
    (run.directory / "best.keras").write_bytes(b"weights")
    return run
