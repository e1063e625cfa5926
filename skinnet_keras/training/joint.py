"""Stage (d), optional: the whole classifier, alone or together with the segmentation network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import keras
import numpy as np

from skinnet_keras.atomic import write_json
from skinnet_keras.config import Config, JointStageConfig
from skinnet_keras.data.samples import Samples
from skinnet_keras.errors import UserError
from skinnet_keras.models import attach_segmenter
from skinnet_keras.models.composite import diagnosis_part, joint_training_part
from skinnet_keras.models.loading import load_keras
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.samples import classes_of, segmentation_samples
from skinnet_keras.training.checkpoints import read_best, save_weights
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.distribution import scope
from skinnet_keras.training.fit import Stage, fit_stage, load_weights
from skinnet_keras.training.joint_result import new_result
from skinnet_keras.training.masks import predict_masks, run_of_segmenter, training_images
from skinnet_keras.training.prediction import predict_probabilities
from skinnet_keras.training.segmentation import score_segmenter
from skinnet_keras.training.segmentation_losses import segmentation_loss
from skinnet_keras.training.validation import classification_figures

_SEGMENTER_FILE = "segmenter.keras"


def train_joint(
    context: TrainingContext,
    model: keras.Model,
    loss: keras.losses.Loss,
    train: Samples,
    val: Samples,
) -> None:
    """The whole classifier at a small learning rate and fixed masks; kept only where it is better.

    Args:
        context: Run, data, strategy and metrics.
        model: The classifier as the stages before left it; holds the best weights afterwards.
        loss: The classification loss.
        train: Training images with everything the model takes.
        val: Validation images, likewise.
    """

    def validate(epoch: int) -> dict[str, float]:
        view = context.validation_view(epoch)
        return classification_figures(context, loss, val, predict_probabilities(model, val, **view))

    stage = Stage(
        name="joint",
        model=model,
        loss=loss,
        config=_config(context),
        data=context.batches(train, _config(context).batch_size),
        validate=validate,
        monitor="val_loss",
        augmentation=context.device_augmentation,
        callbacks=context.tracker.callbacks("joint"),
    )
    _fit_from_start(context, stage)


def train_with_segmenter(
    context: TrainingContext,
    model: keras.Model,
    build: Callable[[], keras.Model],
    loss: keras.losses.Loss,
    train: Samples,
    val: Samples,
) -> keras.Model:
    """Classifier and segmentation network at once, each image under the network's own mask.

    The start and every epoch are measured end to end, so like is compared with like. Where an
    epoch is better than the start, `segmenter.keras`, `masks.npy` and `masks.csv` are replaced by
    those of the trained network, together with `best.keras`. `final.keras` fits to
    `final_segmenter.keras`: both are of the last epoch.

    Args:
        context: Run, data, strategy and metrics. The run holds `segmenter.keras`.
        model: The classifier as the stages before left it.
        build: Builds one of the same architecture.
        loss: The classification loss.
        train: Labelled training images; ground-truth masks are taken from their cache.
        val: Validation images, likewise.

    Returns:
        The best classifier, as saved.
    """
    run, config = context.run, _config(context)
    segmenter_file = run.directory / _SEGMENTER_FILE
    with scope(context.strategy):
        segmenter = load_keras(segmenter_file)
        end_to_end = attach_segmenter(model, segmenter, _threshold(context.config))
        joint, diagnosis = joint_training_part(end_to_end), diagnosis_part(end_to_end)
    # What a mask was predicted for an image before no longer matters.
    names = tuple(tensor.name for tensor in diagnosis.inputs)
    val = replace(val, masks=None, input_names=names)
    train = replace(
        train,
        masks=None,
        input_names=names,
        target="label_and_mask",
        mask_weight=mask_weights(train),
    )
    val_masks = _images_with_masks(context)

    def validate(epoch: int) -> dict[str, float]:
        view = context.validation_view(epoch)
        probabilities = predict_probabilities(diagnosis, val, **view)
        figures = classification_figures(context, loss, val, probabilities)
        if val_masks is not None:
            scores = score_segmenter(context, segmenter, val_masks, **view)
            figures["val_mask_logits_loss"] = scores.pop("loss")
            figures |= {f"val_{name}": value for name, value in scores.items()}
        return figures

    stage = Stage(
        name="joint",
        model=joint,
        loss={
            "diagnosis": loss,
            "mask_logits": segmentation_loss(context.config.segmentation_loss),
        },
        loss_weights={"diagnosis": 1.0, "mask_logits": config.mask_loss_weight},
        config=config,
        data=context.batches(train, config.batch_size),
        validate=validate,
        monitor="val_loss",
        augmentation=context.device_augmentation,
        callbacks=context.tracker.callbacks("joint"),
    )
    _fit_from_start(context, stage)
    best = read_best(run.stage_directory("joint"))
    if best is None:
        raise ValueError("the joint stage has measured neither its start nor an epoch")

    def save(trained: keras.Model, name: str, folder: Path) -> keras.Model:
        fresh = build if trained is model else partial(load_keras, segmenter_file)
        return context.save_clean(trained, fresh, name, folder)

    with new_result(run, best) as folder:
        load_weights(run, "joint", joint, best=False)
        save(model, "final.keras", folder)
        save(segmenter, "final_segmenter.keras", folder)
        load_weights(run, "joint", joint, best=True)
        classifier = save(model, "best.keras", folder)
        if best["epoch"]:
            run.log("joint: predicting the mask of every image with the trained network")
            tuned = save(segmenter, _SEGMENTER_FILE, folder)
            _predict_masks(context, tuned, train.image_ids, folder)
        else:
            run.log("joint: no epoch was better than the start; segmenter and masks stay")
    return classifier


def restore_masks(context: TrainingContext) -> None:
    """Predict masks anew that were lost after the joint stage, with the network it has left."""
    run = context.run
    run.log("joint: predicting the mask of every image again")
    labelled = context.catalogue.usable(["train"])
    labelled = labelled[labelled["label"].isin(classes_of(run.config.num_classes))]
    segmenter = load_keras(run.directory / _SEGMENTER_FILE)
    _predict_masks(context, segmenter, list(labelled["image_id"]), run.directory)


def end_to_end_classifier(context: TrainingContext, classifier: keras.Model) -> keras.Model:
    """The classifier behind the run's segmentation network: image and metadata -> diagnosis."""
    segmenter = load_keras(context.run.directory / _SEGMENTER_FILE)
    return diagnosis_part(attach_segmenter(classifier, segmenter, _threshold(context.config)))


def mask_weights(train: Samples) -> np.ndarray:
    """Weights of the mask's loss: 0 without ground truth, else 1 / the share of such images.

    The mean over an epoch is then the mean over the images that have a mask, in every number of
    replicas, and with balanced sampling, too.

    Args:
        train: The training images.

    Returns:
        float32 (N,); zeros where no image has a mask.
    """
    has_mask = np.asarray(train.cache.has_mask)[train.rows]
    share = np.average(has_mask, weights=train.sampling_weights)
    return (has_mask / share if share else np.zeros(len(train))).astype("float32")


def check_joint(config: Config, train: Samples) -> None:
    """Check before anything is trained that the joint stage can train the segmentation network.

    Args:
        config: The experiment.
        train: Its labelled training images.

    Raises:
        UserError: No such image has the mask that the loss needs, or the network of
            `segmenter.run` has another image size or several classes.
    """
    joint, segmenter = config.stages.joint, config.segmenter
    if joint is None or segmenter is None or not joint.segmenter:
        return
    if joint.mask_loss_weight and not mask_weights(train).any():
        raise UserError(
            "stages.joint.segmenter: no labelled training image has a lesion mask; add a source "
            "with masks (such as isic2017), or set stages.joint.mask_loss_weight=0."
        )
    if segmenter.run:
        network = load_keras(Path(segmenter.run) / _SEGMENTER_FILE)
        shape = tuple(network.output["mask_logits"].shape[1:])
        if shape != (config.image_size, config.image_size, 1):
            raise UserError(
                f"segmenter.run: the network of {segmenter.run} gives masks of shape {shape}; "
                f"stages.joint.segmenter needs one class at image_size {config.image_size}."
            )


def _fit_from_start(context: TrainingContext, stage: Stage) -> None:
    """Fit a stage whose best epoch may be none: the weights it starts with count as epoch 0."""
    directory = context.run.stage_directory(stage.name)
    if read_best(directory) is None:
        score = stage.validate(0)[stage.monitor]
        save_weights(stage.model, directory / "best.weights.h5")
        start = {"epoch": 0, "monitor": stage.monitor, "score": score}
        write_json(directory / "best.json", start)
    fit_stage(context.run, stage, context.strategy)


def _predict_masks(
    context: TrainingContext, segmenter: keras.Model, image_ids: list[str], folder: Path
) -> None:
    """Predict all masks anew; the network has seen the images of two trainings."""
    run, config = context.run, context.config
    earlier = _seen_before(context)
    predict_masks(
        run,
        segmenter,
        context.cache,
        threshold=_threshold(config),
        trained_on={*image_ids, *(earlier or ())},
        all_known=earlier is not None,
        origin=f"predicted:{config.name}/{segmenter.name}/joint",
        directory=folder,
    )


def _seen_before(context: TrainingContext) -> set[str] | None:
    """The images the segmentation network was trained on before this stage; None if not known."""
    source = context.config.segmenter.run if context.config.segmenter else None
    if not source:
        return set(segmentation_samples(context.catalogue, context.cache, "train").image_ids)
    try:
        first = run_of_segmenter(Run.open(Path(source)))
    except UserError:  # it was moved
        return None
    return training_images(first) if first else None


def _images_with_masks(context: TrainingContext) -> Samples | None:
    """The validation images with ground truth, where there are any."""
    try:
        return segmentation_samples(context.catalogue, context.cache, "val")
    except UserError:
        return None


def _config(context: TrainingContext) -> JointStageConfig:
    if context.config.stages.joint is None:
        raise ValueError("the config has no joint stage")
    return context.config.stages.joint


def _threshold(config: Config) -> float:
    if config.segmenter is None:
        raise ValueError("the config has no segmenter section")
    return config.segmenter.threshold
