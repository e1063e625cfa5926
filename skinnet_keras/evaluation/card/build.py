"""Put a model card together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skinnet_keras.config import Config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.evaluation.card.checklists import NAMES, fill_checklist
from skinnet_keras.evaluation.card.data_facts import describe_data
from skinnet_keras.evaluation.card.limits import INTENDED_USE, limits
from skinnet_keras.evaluation.card.model_facts import describe_model
from skinnet_keras.evaluation.card.recipe_facts import describe_recipe
from skinnet_keras.evaluation.card.run_files import read_object
from skinnet_keras.evaluation.confusion import confusion_matrix
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import Predictions


def build_card(
    directory: Path,
    config: Config,
    catalogue: Catalogue,
    split: str,
    scored: Predictions,
    subgroups: Mapping[str, Any],
    *,
    calibration: str | None = None,
    metrics: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Describe a run: model, data, recipe, figures, limits, and three checklists.

    Args:
        directory: The run; `environment.json`, `history.csv`, `checkpoints/*/best.json`,
            `masks.csv` and the model files are read where they are.
        config: Its config.
        catalogue: Its catalogue, with the splits it saw.
        split: The split that is reported, test or val.
        scored: The labelled predictions of that split.
        subgroups: As `subgroups.report.subgroup_report` returns it of these.
        calibration: Kind of the calibration that `scored` went through (`scaling.KINDS`); None
            where the probabilities are the model's own.
        metrics: As `evaluate_predictions` returns them of these; None = computed here.

    Returns:
        JSON-ready: `name, intended_use, model, training_data, recipe, evaluation` (`split, n,
        metrics` as `evaluate_predictions` gives them, `confusion`), `subgroups, limits,
        environment` and `checklists`.
    """
    environment = read_object(directory / "environment.json")
    number = len(scored.classes)
    card: dict[str, Any] = {
        "name": config.name,
        "intended_use": list(INTENDED_USE),
        "model": describe_model(config, directory),
        "training_data": describe_data(catalogue, scored.classes),
        "recipe": describe_recipe(config, directory),
        "evaluation": {
            "split": split,
            "n": len(scored.labels),
            "calibration": calibration,
            "metrics": evaluate_predictions(scored, bootstrap=subgroups["bootstrap"])
            if metrics is None
            else dict(metrics),
            "confusion": confusion_matrix(
                scored.true_indices(), scored.predicted_indices(), number
            ).tolist(),
        },
        "subgroups": dict(subgroups),
        "environment": {
            "python": environment.get("python"),
            "platform": environment.get("platform"),
            "packages": environment.get("packages", {}),
            "git_commit": environment.get("git_commit"),
            "seed": config.seed,
            "catalogue_sha256": catalogue.sha256(),
        },
    }
    card["limits"] = limits(card)
    card["checklists"] = [fill_checklist(name, card) for name in NAMES]
    return card
