"""What a card says about the training, from the config and the run's files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skinnet_keras.config import Config
from skinnet_keras.evaluation.card.run_files import read_object
from skinnet_keras.evaluation.card.sections import with_arguments
from skinnet_keras.runs.run import read_history


def describe_recipe(config: Config, directory: Path) -> dict[str, Any]:
    """Describe a run's training.

    Args:
        config: The run's config.
        directory: The run.

    Returns:
        `stages` (a dict each: `stage, epochs, epochs_done, best_epoch, monitor, best_value,
        seconds, batch_size, early_stopping, ema, optimizer, schedule`), `loss`, `balance` and
        `augmentation` (sentences), `l2`, `metadata_dropout` (None where it has no meaning),
        `grid` (how a classical model was chosen), `mixed_precision`, `deterministic`, `seed`,
        `recipe`, `fold` (of a cross-validation).
    """
    history = read_history(directory)
    stages = [
        _stage(name, stage, directory, history)
        for name in ("segmentation", "cnn", "head", "joint")
        if (stage := getattr(config.stages, name)) is not None
    ]
    fold = config.cross_validation
    return {
        "stages": stages,
        "loss": with_arguments(config.loss),
        "balance": _balance(config),
        "augmentation": (
            "training images: cutout, distortions, quarter turns, flips, shifts, rotations, "
            "scaling, blur, brightness and contrast"
            if config.augmentation
            else "none"
        )
        + ("; validation images too" if config.augment_validation else ""),
        "l2": None if config.classical else config.l2,
        "metadata_dropout": (
            config.metadata_dropout if config.model and config.model.metadata else None
        ),
        "grid": (
            f"the best of {len(history)} points of the grid by balanced accuracy on the "
            "validation split"
            if config.classical and history
            else None
        ),
        "mixed_precision": config.mixed_precision,
        "deterministic": config.deterministic,
        "seed": config.seed,
        "recipe": config.recipe,
        "fold": None if fold is None else f"fold {fold.fold} of {fold.folds}",
    }


def _balance(config: Config) -> str:
    methods = config.balance.methods
    if not methods:
        return "none"
    values = config.balance.model_dump(exclude={"methods", "allow_stacking"}, exclude_none=True)
    arguments = ", ".join(f"{key} {value}" for key, value in values.items())
    return " and ".join(methods) + (f" ({arguments})" if arguments else "")


def _stage(name: str, stage: Any, directory: Path, history: list[dict[str, str]]) -> dict[str, Any]:
    rows = [row for row in history if row.get("stage") == name]
    best = read_object(directory / "checkpoints" / name / "best.json")
    seconds = [float(row["seconds"]) for row in rows if row.get("seconds")]
    return {
        "stage": name,
        "epochs": stage.epochs,
        "epochs_done": len(rows),
        "best_epoch": best.get("epoch"),
        "monitor": best.get("monitor"),
        "best_value": best.get("score"),
        "seconds": round(sum(seconds), 1) if seconds else None,
        "batch_size": stage.batch_size,
        "early_stopping": stage.early_stopping,
        "ema": stage.ema,
        "optimizer": with_arguments(stage.optimizer, without={"schedule"}),
        "schedule": with_arguments(stage.optimizer.schedule),
    }
