"""A whole experiment: stages, predictions of every split, metrics; what `skinnet train` runs."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import keras
import numpy as np

from skinnet_keras.classical.run import check_classical, run_classical
from skinnet_keras.config import Config
from skinnet_keras.data.cache import ImageCache, open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.predicted_masks import StoredMasks
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.confusion import confusion_matrix, headline_metrics
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.plots import plot_history
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.evaluation.segmentation.overlap import segmentation_scores
from skinnet_keras.evaluation.split_predictions import write_split_predictions
from skinnet_keras.locks import own_folder
from skinnet_keras.models import BACKBONES
from skinnet_keras.models.loading import load_keras
from skinnet_keras.runs.masks import holds_masks
from skinnet_keras.runs.opened import OpenedRun
from skinnet_keras.runs.run import Run, catalogue_of
from skinnet_keras.runs.samples import (
    check_training_classes,
    classes_of,
    classification_samples,
    input_names_of,
    labels_of,
    segmentation_samples,
)
from skinnet_keras.training.batch_sizes import check_batch_size
from skinnet_keras.training.checkpoints import recover
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.distribution import build_strategy
from skinnet_keras.training.joint import check_joint, end_to_end_classifier, restore_masks
from skinnet_keras.training.joint_result import publish_result, segmenter_was_tuned
from skinnet_keras.training.loss_bar import loss_and_bar
from skinnet_keras.training.losses import best_constant_prediction
from skinnet_keras.training.prediction import predict_probabilities
from skinnet_keras.training.segmentation import (
    configured_segmenter,
    score_segmenter,
    train_segmenter,
)
from skinnet_keras.training.segmenter_source import check_source, take_segmenter
from skinnet_keras.training.stages import (
    check_classifier_batches,
    configured_loss,
    train_classifier,
)
from skinnet_keras.training.tracking import Tracker, check_tracking, open_tracker


def start_run(config: Config, catalogue: Catalogue, directory: Path) -> Run:
    """Check that the data serve the config, then create the run directory.

    Raises:
        UserError: A network's name or arguments are unknown, the segmenter's run or the masks it
            names are missing, have another cleaning or were predicted on other pixels, a split has
            no labelled image or no mask, all training images are of one class, a batch is too
            small or too large to train on, a package or tracker is missing, the joint stage cannot
            train the segmentation network, or the directory is in use.
    """
    check_tracking(config.tracking)
    catalogue = catalogue_of(config, catalogue)
    scarce = check_training_classes(config, catalogue)
    if config.classical:
        check_classical(config, catalogue)
    else:
        _check_networks(config, catalogue)
    cache = open_cache(catalogue, config.image_size, cleaning=config.cleaning)
    notes: list[str] = []
    if stage := config.stages.segmentation:
        train, _ = (segmentation_samples(catalogue, cache, split) for split in ("train", "val"))
        notes += check_batch_size(
            "segmentation", stage, lambda: configured_segmenter(config), images=len(train)
        )
    if config.model:
        train, _ = (
            classification_samples(
                catalogue,
                cache,
                split,
                input_names=input_names_of(config, with_mask=False),
                num_classes=config.num_classes,
                masks=None,
            )
            for split in ("train", "val")
        )
        check_joint(config, train=train)
        notes += check_classifier_batches(config, images=len(train))
    _check_pixels_of_masks(config, catalogue, cache)
    run = Run.create(directory, config, catalogue)
    run.record_pixels(cache)
    for note in (*scarce, *notes):
        run.log(note)
    return run


def run_experiment(run: Run) -> dict[str, Any]:
    """Train what the run's config asks for, or go on where it stopped, and measure it.

    Leaves models, `predictions_<split>.csv`, `metrics.json` and `training.png` in the run.

    Args:
        run: A new run (`start_run`) or one to resume (`Run.open`).

    Returns:
        The content of `metrics.json`.

    Raises:
        UserError: The data do not serve the config or are no longer those the run started with,
            training diverged, a tracker is not installed, or another process is training this run.
    """
    opened = OpenedRun(run)
    opened.cache  # noqa: B018, checked before anything is written
    with own_folder(run.directory), open_tracker(run) as tracker:
        run.remember_catalogue()
        if run.config.classical:
            metrics = run_classical(opened)
        else:
            metrics = _train_and_measure(opened, tracker)
        run.write_text("metrics.json", json.dumps(metrics, indent=2) + "\n")
        tracker.finish(metrics)
    return metrics


def _train_and_measure(opened: OpenedRun, tracker: Tracker) -> dict[str, Any]:
    run, config = opened.run, opened.config
    for directory in sorted((run.directory / "checkpoints").glob("*")):
        if damage := recover(directory, config.checkpoint_every):
            run.log(f"{directory.name}: {damage}")
    keras.utils.set_random_seed(config.seed)
    if config.deterministic:
        _make_deterministic()
    policy = keras.config.dtype_policy()
    if config.mixed_precision:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        context = TrainingContext(
            run,
            opened.catalogue,
            opened.cache,
            build_strategy(config.distribute),
            segmentation_metrics=_segmentation_metrics,
            classification_metrics=lambda labels, p: _classification_metrics(config, labels, p),
            tracker=tracker,
        )
        metrics: dict[str, Any] = {"name": config.name}
        # What a finished joint stage left is not to be replaced by stage (a)'s network again.
        if config.segmenter and not publish_result(run):
            _bring_segmenter(context)
        elif config.uses_mask and not holds_masks(run.directory, context.cache.image_ids):
            restore_masks(context) if segmenter_was_tuned(run) else _bring_segmenter(context)
        results = _classification(context, opened) if config.model else {}
        if config.segmenter:
            metrics["segmentation"] = _segmentation_scores(context)
        metrics |= results
    finally:
        keras.config.set_dtype_policy(policy)
    plot_history(run.directory / "history.csv", run.directory / "training.png", title=config.name)
    return metrics


def _check_networks(config: Config, catalogue: Catalogue) -> None:
    if config.model:
        for key in ("backbone", "lesion_backbone"):
            name = getattr(config.model, key)
            if name not in BACKBONES:
                raise UserError(
                    f"model.{key}: unknown backbone {name!r}: choose one of {', '.join(BACKBONES)}."
                )
    check_source(config, catalogue)
    if config.segmenter and not config.segmenter.run:
        try:
            configured_segmenter(config)
        except (TypeError, ValueError) as error:
            raise UserError(f"segmenter: {error}") from error


def _check_pixels_of_masks(config: Config, catalogue: Catalogue, cache: ImageCache) -> None:
    """Check that predicted masks were drawn on the images as they are now."""
    section = config.classical or (config.segmenter if config.uses_mask else None)
    if section is None:
        return
    if section.masks:
        StoredMasks.open(catalogue, section.masks).check_images(cache)
    elif config.segmenter and config.segmenter.run:
        source = Run.open(Path(config.segmenter.run))
        if source.catalogue_sha256() == catalogue.sha256():
            source.check_pixels(cache, masks=False)


def _make_deterministic() -> None:
    if keras.backend.backend() != "tensorflow":
        raise UserError("deterministic: true needs KERAS_BACKEND=tensorflow.")
    import tensorflow as tf

    tf.config.experimental.enable_op_determinism()


def _bring_segmenter(context: TrainingContext) -> None:
    """Stage (a), or another run's network."""
    config = context.config
    source = config.segmenter.run if config.segmenter else None
    if source:
        take_segmenter(context, Path(source))
    else:
        train_segmenter(context)


def _segmentation_scores(context: TrainingContext) -> dict[str, Any]:
    """Scores of the run's network on the splits that have masks."""
    segmenter = load_keras(context.run.directory / "segmenter.keras")
    scores: dict[str, Any] = {}
    for split in ("val", "test"):
        try:
            samples = segmentation_samples(context.catalogue, context.cache, split)
        except UserError:
            continue  # A catalogue may have masks in some splits only.
        true = np.asarray(samples.masks_at(np.arange(len(samples))))
        scores[split] = {
            "n": len(samples),
            "empty_truths": int((~true.any(axis=(1, 2))).sum()),
            **score_segmenter(context, segmenter, samples),
        }
    return scores


def _classification(context: TrainingContext, opened: OpenedRun) -> dict[str, Any]:
    """Stages (b) to (d), then `classification` metrics and `loss` on the held-out splits.

    A classifier that was trained with the segmentation network is measured behind it.
    """
    run, config = context.run, context.config
    train, val = (opened.training_samples(split) for split in ("train", "val"))
    model = train_classifier(context, train, val)
    if config.tunes_segmenter:
        model = end_to_end_classifier(context, model)
    loss = configured_loss(config, train)
    constant = best_constant_prediction(labels_of(train), loss, config.num_classes)
    splits = ["val"]
    if context.catalogue.usable(["test"])["label"].isin(classes_of(config.num_classes)).any():
        splits.append("test")
    metrics, losses = {}, {}
    for split in splits:
        samples = opened.samples(split)
        probabilities = predict_probabilities(model, samples)
        path = run.directory / f"predictions_{split}.csv"
        write_split_predictions(path, context.catalogue, samples.image_ids, probabilities)
        metrics[split] = evaluate_predictions(read_predictions(path))
        losses[split] = loss_and_bar(loss, constant, labels_of(samples), probabilities)
    return {"classification": metrics, "loss": losses}


def _segmentation_metrics(predicted: np.ndarray, true: np.ndarray) -> dict[str, float]:
    scores = segmentation_scores(predicted, true)
    return {
        name: float(value) for name, value in scores.items() if name != "n" and value is not None
    }


def _classification_metrics(
    config: Config, labels: np.ndarray, probabilities: np.ndarray
) -> dict[str, float]:
    """The figures shown after every epoch; the full set follows at the end."""
    matrix = confusion_matrix(labels, probabilities.argmax(axis=1), config.num_classes)
    figures = headline_metrics(matrix, classes_of(config.num_classes))
    return {
        name: float(figures[name])
        for name in ("balanced_accuracy", "accuracy", "errors_rare_5", "errors_rare_4")
    }
