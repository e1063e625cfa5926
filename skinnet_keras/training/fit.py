"""One stage of a training: compile, `model.fit` with checkpoints, resume, keep the best."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import keras

from skinnet_keras.config import StageConfig
from skinnet_keras.errors import UserError
from skinnet_keras.training import callbacks as cb
from skinnet_keras.training.device_augmentation import AugmentedModel
from skinnet_keras.training.distribution import replicas, scope, synchronize_batch_norm
from skinnet_keras.training.losses import set_l2
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.runs import Run


class Batches(Protocol):
    """An endless stream of training batches that starts at a given epoch."""

    dataset: Any
    steps_per_epoch: int


@dataclass(frozen=True)
class Stage:
    """What one call of `fit` needs.

    Attributes:
        name: Name of the stage, also of its checkpoint folder.
        model: The model to fit; built in the strategy's scope.
        loss: Loss, or losses by output name.
        config: Epochs, batch size, optimiser.
        data: Opens the training batches from an epoch (counted from 0) on.
        validate: Figures of the validation split with the present weights.
        monitor: The figure that chooses the best epoch.
        higher_is_better: Its direction.
        augmentation: Layer that augments the batches in the training step, or None.
        loss_weights: Weights of the losses by output name; None weighs them alike.
        callbacks: Further callbacks; they see the epoch's complete logs.
    """

    name: str
    model: keras.Model
    loss: Any
    config: StageConfig
    data: Callable[[int], AbstractContextManager[Batches]]
    validate: Callable[[], dict[str, float]]
    monitor: str
    higher_is_better: bool = False
    augmentation: keras.layers.Layer | None = None
    loss_weights: dict[str, float] | None = None
    callbacks: Sequence[keras.callbacks.Callback] = ()


def fit_stage(run: Run, stage: Stage, strategy: Any | None) -> None:
    """Fit a stage from scratch or from its last checkpoint, and leave the best weights loaded.

    A finished stage only loads its weights, so a resumed run skips what is done.

    Args:
        run: The run; checkpoints go to `checkpoints/<stage>/`.
        stage: The stage.
        strategy: `tf.distribute` strategy, or None.

    Raises:
        UserError: The loss became NaN, or the batch size cannot be divided over the replicas.
    """
    directory, epochs = run.stage_directory(stage.name), stage.config.epochs
    state = cb.read_json(directory / "state.json")
    done = state["epoch"] if state else 0
    if done < epochs:
        directory.mkdir(parents=True, exist_ok=True)
        _fit(run, stage, strategy, done, state)
    load_weights(run, stage.name, stage.model, best=True)


def load_weights(run: Run, stage: str, model: keras.Model, *, best: bool) -> None:
    """Load the best or the last epoch's weights of a finished stage into its model."""
    directory = run.stage_directory(stage)
    state = cb.read_json(directory / "state.json")
    name = "best.weights.h5" if best or state is None else state["weights"]
    with warnings.catch_warnings():
        # The optimiser is of no interest here, and the best weights may come without one.
        warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
        model.load_weights(directory / name)


def _fit(run: Run, stage: Stage, strategy: Any | None, done: int, state: Any) -> None:
    config, model = stage.config, stage.model
    if config.batch_size % replicas(strategy):
        raise UserError(
            f"stages.{stage.name}.batch_size {config.batch_size} cannot be divided over "
            f"{replicas(strategy)} replicas."
        )
    set_l2(model, run.config.l2)
    if replicas(strategy) > 1:
        synchronize_batch_norm(model, True)
    directory = run.stage_directory(stage.name)
    progress = cb.ShowProgress(stage.name)
    try:
        with stage.data(done) as data:
            with scope(strategy):
                if stage.augmentation is not None:
                    model = AugmentedModel(model, stage.augmentation)
                optimizer = build_optimizer(config.optimizer, data.steps_per_epoch, config.epochs)
                model.compile(optimizer=optimizer, loss=stage.loss, loss_weights=stage.loss_weights)
                if state:
                    # Not `optimizer`: mixed precision wraps it.
                    model.optimizer.build(model.trainable_variables)
                    model.load_weights(directory / state["weights"])
                    run.log(f"{stage.name}: resumed after epoch {done}")
            model.fit(
                data.dataset,
                steps_per_epoch=data.steps_per_epoch,
                initial_epoch=done,
                epochs=config.epochs,
                shuffle=False,  # the stream is shuffled already
                verbose=0,
                callbacks=[
                    keras.callbacks.TerminateOnNaN(),
                    progress,
                    cb.Validate(stage.validate),
                    cb.RecordHistory(run, stage.name, done),
                    cb.KeepBest(directory, stage.monitor, stage.higher_is_better),
                    # Before the checkpoint: an epoch that is not repeated has been seen by all.
                    *stage.callbacks,
                    cb.Checkpoint(run, stage.name, run.config.checkpoint_every, config.epochs),
                ],
            )
            if model.stop_training:
                raise UserError(
                    f"stage {stage.name}: the loss became infinite or NaN; lower "
                    f"stages.{stage.name}.optimizer.learning_rate."
                )
    finally:
        progress.close()
        if replicas(strategy) > 1:
            synchronize_batch_norm(model, False)
