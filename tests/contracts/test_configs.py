"""Every shipped config builds its full-size model and takes one optimisation step."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.config import load_config
from skinnet_keras.models.parts import head_part, with_temporary_head
from skinnet_keras.presets import find_config, preset_names
from skinnet_keras.training.losses import BCEDice, classification_loss, set_l2
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.segmentation import configured_segmenter
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


def _one_step(model: keras.Model, y, loss, optimizer) -> None:
    before = [weight.numpy().copy() for weight in model.trainable_weights]
    model.compile(optimizer=build_optimizer(optimizer, 10), loss=loss)
    assert np.isfinite(model.train_on_batch(_inputs(model), y))
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
    if config.segmenter:
        segmenter = configured_segmenter(config)
        mask = np.ones((BATCH, config.image_size, config.image_size, 1), dtype="float32")
        loss = {"mask_logits": BCEDice()}
        stage = config.stages.segmentation
        _one_step(segmenter, {"mask_logits": mask}, loss, stage.optimizer)
    if config.model:
        labels = np.arange(BATCH)
        y = np.eye(config.num_classes, dtype="float32")[labels]
        loss = classification_loss(config.loss, config.balance, labels, config.num_classes)
        model = configured_classifier(config)
        set_l2(model, config.l2)
        _one_step(with_temporary_head(model), y, loss, config.stages.cnn.optimizer)
        if config.stages.head:
            _one_step(head_part(model), y, loss, config.stages.head.optimizer)
