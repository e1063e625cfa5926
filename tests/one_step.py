"""One optimisation step of every stage of a config, on random images."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from skinnet_keras.config import Config, StageConfig
from skinnet_keras.models.parts import head_part, with_temporary_head
from skinnet_keras.training.class_balance import class_weights
from skinnet_keras.training.losses import classification_loss, set_l2
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.segmentation import configured_segmenter
from skinnet_keras.training.segmentation_losses import segmentation_loss
from skinnet_keras.training.stages import configured_classifier

BATCH = 2


def step_every_stage(config: Config) -> None:
    """Build the networks of a config and take a step of each of its stages; most weights move."""
    if config.stages.segmentation:
        segmenter = configured_segmenter(config)
        mask = np.ones((BATCH, config.image_size, config.image_size, 1), dtype="float32")
        loss = dict.fromkeys(segmenter.output, segmentation_loss(config.segmentation_loss))
        _one_step(segmenter, dict.fromkeys(loss, mask), loss, config.stages.segmentation)
    if config.model:
        labels = np.arange(config.num_classes - BATCH, config.num_classes)
        y = np.eye(config.num_classes, dtype="float32")[labels]
        loss = classification_loss(config.loss, config.balance, labels, config.num_classes)
        weights = None
        if "class_weights" in config.balance.methods:
            weights = class_weights(labels, config.num_classes, config.balance)[labels]
        model = configured_classifier(config)
        set_l2(model, config.l2)
        stages = config.stages
        _one_step(
            with_temporary_head(model) if stages.head else model, y, loss, stages.cnn, weights
        )
        if stages.head:
            _one_step(head_part(model), y, loss, stages.head, weights)
        if stages.joint:
            _one_step(model, y, loss, stages.joint, weights)


def _inputs(model: keras.Model) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    x = {t.name: generator.random((BATCH, *t.shape[1:])).astype("float32") for t in model.inputs}
    if "image" in x:
        x["image"] *= 255
    if "mask" in x:
        x["mask"] = (x["mask"] > 0.5).astype("float32")
    return x


def _one_step(
    model: keras.Model, y: Any, loss: Any, stage: StageConfig, weights: np.ndarray | None = None
) -> None:
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    optimizer = build_optimizer(stage.optimizer, 10, stage.epochs)
    # Tracing a graph takes most of the time of a single step.
    model.compile(optimizer=optimizer, loss=loss, run_eagerly=True)
    assert np.isfinite(model.train_on_batch(_inputs(model), y, sample_weight=weights)).all()
    changed = [
        not np.array_equal(weight.numpy(), old)
        for weight, old in zip(model.trainable_weights, before, strict=True)
    ]
    # A ReLU that never fires on two random images may leave a bias where it was.
    assert np.mean(changed) > 0.9
