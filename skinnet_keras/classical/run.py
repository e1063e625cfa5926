"""A classical experiment: features, grid search, predictions and metrics of a run directory."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.classical.classifiers import TrainingImages, class_probabilities
from skinnet_keras.classical.extraction import cached_features
from skinnet_keras.classical.search import describe_best, search_classifier
from skinnet_keras.classical.storage import (
    CLASSIFIER_FILE,
    load_classifier,
    require_skops,
    save_classifier,
)
from skinnet_keras.config import ClassicalConfig, Config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.predicted_masks import StoredMasks
from skinnet_keras.data.samples import Samples
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.evaluation.split_predictions import write_split_predictions
from skinnet_keras.runs.opened import OpenedRun
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.samples import classes_of, labels_of
from skinnet_keras.training.loss_bar import loss_and_bar
from skinnet_keras.training.losses import (
    best_constant_prediction,
    class_weights,
    classification_loss,
)

_FEATURES_FOLDER = "features"


def check_classical(config: Config, catalogue: Catalogue) -> None:
    """Check, before anything is computed, that a classical experiment can be run.

    Raises:
        UserError: skops is not installed, a split has no labelled image, the images are too small
            for the features, or the masks do not fit.
    """
    require_skops()
    classical = _section(config)
    _check_size(classical, config.image_size)
    for split in ("train", "val"):
        if not catalogue.usable([split])["label"].isin(classes_of(config.num_classes)).any():
            raise UserError(f"split {split!r} of {catalogue.root} has no labelled image.")
    _open_masks(config, catalogue)


def run_classical(opened: OpenedRun) -> dict[str, Any]:
    """Fit a classical experiment, or go on where it stopped, and measure it.

    Leaves `history.csv` (the points of the grid), `classifier.skops` and
    `predictions_<split>.csv` in the run.

    Args:
        opened: The run with its images.

    Returns:
        `name`, `classification` and `loss`, as of any run.
    """
    run, config, catalogue = opened.run, opened.config, opened.catalogue
    splits = {split: opened.samples(split) for split in ("train", "val")}
    if catalogue.usable(["test"])["label"].isin(classes_of(config.num_classes)).any():
        splits["test"] = opened.samples("test")
    path = run.directory / CLASSIFIER_FILE
    if not path.is_file():
        _fit(run, catalogue, splits["train"], splits["val"], path)
    model = load_classifier(path)
    train_labels = labels_of(splits["train"])
    loss = classification_loss(config.loss, config.balance, train_labels, config.num_classes)
    constant = best_constant_prediction(train_labels, loss, config.num_classes)
    metrics: dict[str, Any] = {"name": config.name, "classification": {}, "loss": {}}
    for split in [split for split in splits if split != "train"]:
        samples = splits[split]
        features, _ = _features(run, catalogue, split, samples)
        probabilities = class_probabilities(model, features, config.num_classes)
        file = run.directory / f"predictions_{split}.csv"
        write_split_predictions(file, catalogue, samples.image_ids, probabilities)
        metrics["classification"][split] = evaluate_predictions(read_predictions(file))
        metrics["loss"][split] = loss_and_bar(loss, constant, labels_of(samples), probabilities)
    shutil.rmtree(run.directory / _FEATURES_FOLDER)
    return metrics


def _fit(run: Run, catalogue: Catalogue, train: Samples, val: Samples, path: Path) -> None:
    """Features of both splits, grid search, and the classifier's file."""
    config = run.config
    features, lengths = _features(run, catalogue, "train", train)
    val_features, _ = _features(run, catalogue, "val", val)
    named = ", ".join(f"{name} {length}" for name, length in lengths.items())
    run.log(f"features: {features.shape[1]} an image ({named})")
    labels = labels_of(train)
    groups = catalogue.table.set_index("image_id").loc[train.image_ids, "group"]
    model = search_classifier(
        _section(config),
        list(lengths.values()),
        TrainingImages(features, labels, _weights(config, labels), groups.to_numpy(str)),
        val_features,
        labels_of(val),
        seed=config.seed,
        workers=_threads(config),
        done=run.history(),
        report=run.write_history,
    )
    rows = run.history()
    run.log(f"grid: best of {len(rows)}: {describe_best(rows)}")
    save_classifier(path, model)


def _weights(config: Config, labels: np.ndarray) -> np.ndarray:
    """How much each training image counts: by its class where the config balances them."""
    if "class_weights" not in config.balance.methods:
        return np.ones(len(labels))
    return class_weights(labels, config.num_classes, config.balance)[labels]


def _features(
    run: Run, catalogue: Catalogue, split: str, samples: Samples
) -> tuple[np.ndarray, dict[str, int]]:
    return cached_features(
        run.directory / _FEATURES_FOLDER,
        split,
        _section(run.config),
        samples,
        masks=_open_masks(run.config, catalogue),
        workers=_threads(run.config),
    )


def _threads(config: Config) -> int | None:
    """`workers` as threads: 0 stands for this process alone."""
    return None if config.workers is None else max(config.workers, 1)


def _open_masks(config: Config, catalogue: Catalogue) -> StoredMasks | None:
    name = _section(config).masks
    if not name:
        return None
    masks = StoredMasks.open(catalogue, name)
    used = catalogue.usable(["train", "val", "test"])
    masks.check_fit(used["image_id"], config.cleaning)
    return masks


def _check_size(config: ClassicalConfig, image_size: int) -> None:
    """A cell of HOG needs 2 pixels a side, and the largest circle of LBP room to move in."""
    hog, lbp = config.features.hog, config.features.lbp
    if hog and hog.cells * 2 > image_size:
        raise UserError(
            f"classical.features.hog.cells: {hog.cells} cells do not fit on {image_size} pixels; "
            "take fewer, or a larger image_size."
        )
    if lbp and max(lbp.radii) * 2 >= image_size:
        raise UserError(
            f"classical.features.lbp.radii: a circle of radius {max(lbp.radii)} does not fit on "
            f"{image_size} pixels; take a smaller one, or a larger image_size."
        )


def _section(config: Config) -> ClassicalConfig:
    if config.classical is None:
        raise ValueError("the config has no classical section")
    return config.classical
