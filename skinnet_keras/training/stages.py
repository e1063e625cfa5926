"""The stages of a SkinNet in their order; here (b), CNN branches, and (c), metadata and head."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, partial

import keras
import numpy as np

from skinnet_keras.config import Config
from skinnet_keras.data.samples import Samples
from skinnet_keras.models import build_skinnet
from skinnet_keras.models.loading import load_keras
from skinnet_keras.models.parts import cnn_part, head_part, with_temporary_head
from skinnet_keras.models.pretrained import initialize_backbones
from skinnet_keras.runs.samples import labels_of
from skinnet_keras.training import features
from skinnet_keras.training.batch_sizes import check_batch_size
from skinnet_keras.training.class_balance import class_weights
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.distribution import scope
from skinnet_keras.training.fit import Stage, fit_stage, is_finished, load_weights
from skinnet_keras.training.joint import train_joint, train_with_segmenter
from skinnet_keras.training.joint_result import publish_result
from skinnet_keras.training.losses import classification_loss
from skinnet_keras.training.prediction import predict_probabilities
from skinnet_keras.training.validation import classification_figures


def configured_classifier(config: Config) -> keras.Model:
    """The SkinNet of a config, with fresh weights."""
    if config.model is None:
        raise ValueError("the config has no model section")
    return build_skinnet(
        config.model.variant,
        num_classes=config.num_classes,
        image_size=config.image_size,
        **config.model.builder_arguments(),
    )


def configured_loss(config: Config, train: Samples) -> keras.losses.Loss:
    """The classification loss of a config; its alpha comes from the training labels."""
    return classification_loss(config.loss, config.balance, labels_of(train), config.num_classes)


def check_classifier_batches(config: Config, images: int) -> list[str]:
    """Check the batch sizes of stages (b) to (d), see `check_batch_size`.

    Args:
        config: The experiment.
        images: Labelled training images.
    """
    stages = config.stages
    model = cache(lambda: configured_classifier(config))
    notes: list[str] = []
    if stages.cnn:
        cnn = (lambda: with_temporary_head(model())) if stages.head else model
        notes += check_batch_size("cnn", stages.cnn, cnn, images)
    if stages.head:  # its batches are of cached features, and no larger than all of them
        size = min(stages.head.batch_size, images)
        head = stages.head.model_copy(update={"batch_size": size})
        notes += check_batch_size("head", head, lambda: head_part(model()), images)
    if stages.joint:
        notes += check_batch_size("joint", stages.joint, model, images)
    return notes


def train_classifier(context: TrainingContext, train: Samples, val: Samples) -> keras.Model:
    """Stages (b), (c) and, if configured, (d) of a SkinNet.

    Without stage (c), stage (b) trains the whole network at once, metadata network included.
    Leaves `best.keras` (best epoch on validation) and `final.keras` (last epoch) in the run. A
    joint stage that trains the segmentation network leaves those of that, too.

    Args:
        context: Run, data, strategy and metrics.
        train: Training images with everything the model takes.
        val: Validation images, likewise.

    Returns:
        The best model, as saved.
    """
    config = context.config
    if publish_result(context.run):
        return load_keras(context.run.directory / "best.keras")
    loss = configured_loss(config, train)
    train = balanced_samples(train, config)
    with scope(context.strategy):
        model = configured_classifier(config)
        if config.model is not None:
            initialize_backbones(model, config.model.weights)
        # The temporary head is dropped by stage (c); without that the own head must learn.
        cnn = with_temporary_head(model) if config.stages.head else model
        head = head_part(model)
    last = "cnn"
    _train_cnn(context, cnn, loss, train, val)
    if config.stages.head:
        last = "head"
        _train_head(context, model, head, loss, train, val)
    build = partial(configured_classifier, config)
    if config.tunes_segmenter:
        return train_with_segmenter(context, model, build, loss, train, val)
    if config.stages.joint:
        last = "joint"
        train_joint(context, model, loss, train, val)
    stage_model = {"cnn": cnn, "head": head, "joint": model}[last]
    load_weights(context.run, last, stage_model, best=False)
    context.save_clean(model, build, "final.keras")
    load_weights(context.run, last, stage_model, best=True)
    return context.save_clean(model, build, "best.keras")


def _train_cnn(
    context: TrainingContext,
    cnn: keras.Model,
    loss: keras.losses.Loss,
    train: Samples,
    val: Samples,
) -> None:
    """Stage (b): the CNN branches under a temporary head, or the whole network."""
    config = context.config.stages.cnn
    if config is None:
        raise ValueError("the config has no cnn stage")
    names = tuple(tensor.name for tensor in cnn.inputs)
    train, val = replace(train, input_names=names), replace(val, input_names=names)
    stage = Stage(
        name="cnn",
        model=cnn,
        loss=loss,
        config=config,
        data=context.batches(train, config.batch_size),
        validate=lambda epoch: classification_figures(
            context, loss, val, predict_probabilities(cnn, val, **context.validation_view(epoch))
        ),
        monitor="val_loss",
        augmentation=context.device_augmentation,
        callbacks=context.tracker.callbacks("cnn"),
    )
    fit_stage(context.run, stage, context.strategy)


def _train_head(
    context: TrainingContext,
    model: keras.Model,
    head: keras.Model,
    loss: keras.losses.Loss,
    train: Samples,
    val: Samples,
) -> None:
    """Stage (c): metadata network and head on the frozen CNN's cached features."""
    config, run = context.config.stages.head, context.run
    if config is None:
        raise ValueError("the config has no head stage")
    views: list[np.ndarray] = []
    val_views: list[np.ndarray] = []
    val_inputs: dict[str, np.ndarray] = {}
    directory = run.directory / "features"
    if not is_finished(run, "head", config):
        cnn = cnn_part(model)
        seed = context.config.seed
        views = features.cached_views(
            directory, cnn, train, augmenter=context.augmenter, views=config.views, seed=seed
        )
        val_views = features.validation_views(
            cnn,
            val,
            augmenter=context.validation_view(0)["augmenter"],
            views=config.views,
            seed=seed,
        )
        if "metadata" in val.input_names and val.metadata is not None:
            val_inputs["metadata"] = val.metadata

    def validate(epoch: int) -> dict[str, float]:
        # Epoch e trains on view e modulo V, and is validated on its like.
        inputs = {**val_inputs, "cnn_features": val_views[epoch % len(val_views)]}
        return classification_figures(context, loss, val, _predict_head(head, inputs))

    stage = Stage(
        name="head",
        model=head,
        loss=loss,
        config=config,
        data=lambda first_epoch: features.FeatureBatches(
            views,
            train,
            batch_size=config.batch_size,
            seed=context.config.seed,
            first_epoch=first_epoch,
            metadata_dropout=context.config.metadata_dropout,
        ),
        validate=validate,
        monitor="val_loss",
        callbacks=context.tracker.callbacks("head"),
    )
    fit_stage(run, stage, context.strategy)
    for path in directory.glob("view_*.npy"):
        path.unlink()
    if directory.is_dir():
        directory.rmdir()


def _predict_head(head: keras.Model, inputs: dict[str, np.ndarray]) -> np.ndarray:
    # One padded batch size for every strategy, as in `predict_probabilities`.
    n = len(inputs["cnn_features"])
    size = 256
    padding = -n % size
    padded = {
        name: np.concatenate([array, np.repeat(array[-1:], padding, axis=0)])
        for name, array in inputs.items()
    }
    return head.predict(padded, batch_size=size, verbose=0)["diagnosis"][:n]


def balanced_samples(train: Samples, config: Config) -> Samples:
    """Class weights or balanced sampling, as configured (alpha and prior are the loss's own)."""
    labels = labels_of(train)
    weights = class_weights(labels, config.num_classes, config.balance)[labels]
    if "class_weights" in config.balance.methods:
        train = replace(train, sample_weight=weights.astype("float32"))
    if "balanced_sampling" in config.balance.methods:
        train = replace(train, sampling_weights=weights)
    return train
