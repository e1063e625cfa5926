"""A stage of a few dozen weights whose validation scores are prescribed: seconds, not minutes."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import tensorflow as tf

from skinnet_keras.config import Config, StageConfig, UnfreezingStageConfig
from skinnet_keras.runs.run import Run
from skinnet_keras.training.fit import Stage

STEPS, BATCH, WIDTH = 2, 4, 5


def small_network() -> keras.Model:
    """The frame of a SkinNet's CNN stage in fully connected layers, with dropout."""
    keras.utils.set_random_seed(7)
    layers = keras.layers
    inputs = keras.Input((WIDTH,))
    x = layers.Dense(6, name="stem_conv")(inputs)
    x = layers.BatchNormalization(momentum=0.5, name="stem_bn")(x)
    x = layers.Dense(6, activation="relu", name="block1_project")(x)
    x = layers.BatchNormalization(momentum=0.5, name="block1_bn")(x)
    x = layers.Dense(6, activation="relu", name="block2_project")(x)
    x = layers.Dense(6, name="top_conv")(x)
    backbone = keras.Model(inputs, x, name="backbone")
    image = keras.Input((WIDTH,), name="image")
    x = layers.Identity(name="cnn_features")(backbone(image))
    x = layers.Dropout(0.3, name="temporary_dropout")(x)
    x = layers.Dense(2, activation="softmax", dtype="float32", name="temporary_head")(x)
    return keras.Model({"image": image}, {"diagnosis": x}, name="small")


def batches_from(first_epoch: int) -> tf.data.Dataset:
    """Endless batches, those of an epoch drawn with the epoch as seed."""

    def batches():
        epoch = first_epoch
        while True:
            generator = np.random.default_rng(epoch)
            for _ in range(STEPS):
                x = generator.normal(size=(BATCH, WIDTH)).astype("float32")
                yield {"image": x}, np.eye(2, dtype="float32")[(x.sum(axis=1) > 0).astype(int)]
            epoch += 1

    signature = (
        {"image": tf.TensorSpec((BATCH, WIDTH), tf.float32)},
        tf.TensorSpec((BATCH, 2), tf.float32),
    )
    return tf.data.Dataset.from_generator(batches, output_signature=signature)


def small_run(directory: Path, stage: StageConfig, checkpoint_every: int = 2) -> Run:
    """A run with a directory and no catalogue; its stage is called `cnn`."""
    directory.mkdir(parents=True, exist_ok=True)
    config = Config.model_validate(
        {
            "name": "small",
            "model": {"variant": "v1"},
            "stages": {"cnn": stage.model_dump()},
            "checkpoint_every": checkpoint_every,
        }
    )
    return Run(directory, config, directory)


def stage_config(**keys) -> UnfreezingStageConfig:
    """A stage with AdamW and a schedule that changes in every step."""
    optimizer = {"learning_rate": 0.05, "schedule": {"name": "cosine"}}
    return UnfreezingStageConfig.model_validate(
        {"batch_size": BATCH, "optimizer": optimizer, **keys}
    )


def small_stage(
    config: StageConfig, scores: Sequence[float] | None = None, seen: list | None = None
) -> Stage:
    """A stage with fresh weights.

    Args:
        config: Its config.
        scores: `val_loss` after each epoch; falls from epoch to epoch by default.
        seen: Gets the weights of the model whenever it is validated.
    """
    model, epochs = small_network(), itertools.count()

    @contextmanager
    def data(first_epoch: int):
        nonlocal epochs
        epochs = itertools.count(first_epoch)
        yield SimpleNamespace(dataset=batches_from(first_epoch), steps_per_epoch=STEPS)

    def validate(*_) -> dict[str, float]:
        if seen is not None:
            seen.append(model.get_weights())
        epoch = next(epochs)
        return {"val_loss": scores[epoch] if scores else 1.0 / (epoch + 1)}

    return Stage(
        name="cnn",
        model=model,
        loss="categorical_crossentropy",
        config=config,
        data=data,
        validate=validate,
        monitor="val_loss",
    )
