"""Every shipped config builds its full-size model and takes one optimisation step."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.config import StageConfig, load_config
from skinnet_keras.models.parts import head_part, with_temporary_head
from skinnet_keras.presets import find_config, preset_names
from skinnet_keras.training.losses import classification_loss, set_l2
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.segmentation import configured_segmenter
from skinnet_keras.training.segmentation_losses import segmentation_loss
from skinnet_keras.training.stages import configured_classifier

BATCH = 2


def _inputs(model: keras.Model) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    x = {t.name: generator.random((BATCH, *t.shape[1:])).astype("float32") for t in model.inputs}
    if "image" in x:
        x["image"] *= 255
    if "mask" in x:
        x["mask"] = (x["mask"] > 0.5).astype("float32")
    return x


def _one_step(model: keras.Model, y, loss, stage: StageConfig) -> None:
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    optimizer = build_optimizer(stage.optimizer, 10, stage.epochs)
    # Tracing a graph takes most of the time of a single step.
    model.compile(optimizer=optimizer, loss=loss, run_eagerly=True)
    assert np.isfinite(model.train_on_batch(_inputs(model), y)).all()
    changed = [
        not np.array_equal(weight.numpy(), old)
        for weight, old in zip(model.trainable_weights, before, strict=True)
    ]
    # A ReLU that never fires on two random images may leave a bias where it was.
    assert np.mean(changed) > 0.9


@pytest.mark.slow
@pytest.mark.parametrize("name", preset_names())
def test_one_step_of_every_stage_at_full_size(name):
    config = load_config(find_config(name))
    if config.stages.segmentation:
        segmenter = configured_segmenter(config)
        mask = np.ones((BATCH, config.image_size, config.image_size, 1), dtype="float32")
        loss = dict.fromkeys(segmenter.output, segmentation_loss(config.segmentation_loss))
        _one_step(segmenter, dict.fromkeys(loss, mask), loss, config.stages.segmentation)
    if config.model:
        labels = np.arange(BATCH)
        y = np.eye(config.num_classes, dtype="float32")[labels]
        loss = classification_loss(config.loss, config.balance, labels, config.num_classes)
        model = configured_classifier(config)
        set_l2(model, config.l2)
        _one_step(with_temporary_head(model), y, loss, config.stages.cnn)
        if config.stages.head:
            _one_step(head_part(model), y, loss, config.stages.head)
