"""Gives a tiny run validation predictions and what `skinnet calibrate` fits to them."""

from __future__ import annotations

import numpy as np

from skinnet_keras.evaluation.calibration.files import write_model
from skinnet_keras.evaluation.calibration.model import calibrate_model
from skinnet_keras.evaluation.decisions.costs import read_costs
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions
from skinnet_keras.presets import find_costs
from skinnet_keras.taxonomy import CLASSES


def calibrate_run(run, seed: int = 0) -> None:
    """Validation predictions that are surer than right, and what is fitted to them."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, 8, 300)
    logits = rng.normal(0, 1, (300, 8)) + 2.0 * np.eye(8)[labels]
    powers = np.exp(3 * logits)
    file = run / "predictions_val.csv"
    write_predictions(
        file,
        [f"tiny:{i}" for i in range(300)],
        [CLASSES[k] for k in labels],
        powers / powers.sum(axis=1, keepdims=True),
        CLASSES,
        [str(i) for i in range(300)],
    )
    validation = read_predictions(file)
    costs = read_costs(find_costs("costs/melanoma_first"))
    model = calibrate_model(validation, costs, method="vector", coverage=0.5)
    write_model(run, model, file, validation)
