"""One stage of a training: compile, `model.fit` with checkpoints, resume, keep the best."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import keras

from skinnet_keras.config import Segment, StageConfig
from skinnet_keras.errors import UserError
from skinnet_keras.models.freezing import layers_of_parts, train_only
from skinnet_keras.runs.run import Run
from skinnet_keras.training import callbacks as cb
from skinnet_keras.training import checkpoints as ckpt
from skinnet_keras.training.averaging import LoadAverages, RestoreWeights, continue_averages
from skinnet_keras.training.device_augmentation import AugmentedModel
from skinnet_keras.training.distribution import replicas, scope, synchronize_batch_norm
from skinnet_keras.training.losses import set_l2
from skinnet_keras.training.optimizers import build_optimizer


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
        validate: Figures of the validation split with the present weights after an epoch (from 0).
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
    validate: Callable[[int], dict[str, float]]
    monitor: str
    higher_is_better: bool = False
    augmentation: keras.layers.Layer | None = None
    loss_weights: dict[str, float] | None = None
    callbacks: Sequence[keras.callbacks.Callback] = ()


def fit_stage(run: Run, stage: Stage, strategy: Any | None) -> None:
    """Fit a stage from scratch or from its last checkpoint, and leave the best weights loaded.

    A finished stage only loads its weights, so a resumed run skips what is done. Where the run
    is deterministic, one that was killed at any moment and resumed ends with the weights of one
    that was not: checkpoints hold everything that the next epoch depends on, and the two go the
    same way through here.

    Args:
        run: The run; checkpoints go to `checkpoints/<stage>/`.
        stage: The stage.
        strategy: `tf.distribute` strategy, or None.

    Raises:
        UserError: The loss became NaN, the validation's monitored figure was never a number, the
            batch size cannot be divided over the replicas, the network has no layers of a part
            that is to be unfrozen, or the checkpoint to resume from is of another config.
    """
    directory = run.stage_directory(stage.name)
    ckpt.tidy(directory, run.config.checkpoint_every)
    if not is_finished(run, stage.name, stage.config):
        directory.mkdir(parents=True, exist_ok=True)
        _fit(run, stage, strategy)
    if ckpt.read_best(directory) is None:
        raise UserError(f"stage {stage.name}: {stage.monitor} was not a number in any epoch.")
    load_weights(run, stage.name, stage.model, best=True)
    state = ckpt.read_json(directory / ckpt.STATE) or {}
    if "random_states" in state:  # A later stage may use the same dropout layers.
        ckpt.set_random_states(stage.model, state["random_states"])


def is_finished(run: Run, stage: str, config: StageConfig) -> bool:
    """Tell whether all epochs of a stage are done, or early stopping has ended it."""
    directory = run.stage_directory(stage)
    done, best = ckpt.epochs_done(directory), ckpt.read_best(directory)
    return done > 0 and config.ends_after(done, best["epoch"] if best else 0)


def load_weights(run: Run, stage: str, model: keras.Model, *, best: bool) -> None:
    """Load the best or the last epoch's weights of a finished stage into its model.

    Of a stage with `ema` they are the averaged weights of that epoch.
    """
    directory = run.stage_directory(stage)
    state = ckpt.read_json(directory / ckpt.STATE)
    name = ckpt.BEST if best or state is None else state.get("final", state["weights"])
    with warnings.catch_warnings():
        # The optimiser is of no interest here, and the best weights may come without one.
        warnings.filterwarnings("ignore", message="Skipping variable loading for optimizer")
        model.load_weights(directory / name)


def _fit(run: Run, stage: Stage, strategy: Any | None) -> None:
    config, model = stage.config, stage.model
    if config.batch_size % replicas(strategy):
        raise UserError(
            f"stages.{stage.name}.batch_size {config.batch_size} cannot be divided over "
            f"{replicas(strategy)} replicas."
        )
    for segment in config.segments:
        layers_of_parts(model, segment.parts)  # raises before any epoch is spent
    set_l2(model, run.config.l2)  # before anything is frozen
    if replicas(strategy) > 1:
        synchronize_batch_norm(model, True)
    if stage.augmentation is not None:
        with scope(strategy):
            model = AugmentedModel(model, stage.augmentation)
    directory = run.stage_directory(stage.name)
    try:
        if done := ckpt.epochs_done(directory):
            run.log(f"{stage.name}: resumed after epoch {done}")
        for segment in config.segments:
            if ckpt.epochs_done(directory) < segment.end and not is_finished(
                run, stage.name, config
            ):
                _fit_segment(run, stage, model, segment, strategy)
    finally:
        if len(config.segments) > 1:
            train_only(stage.model, ("all",))
        if replicas(strategy) > 1:
            synchronize_batch_norm(stage.model, False)


def _fit_segment(
    run: Run, stage: Stage, model: keras.Model, segment: Segment, strategy: Any | None
) -> None:
    """Fit the epochs of a segment that are left."""
    config, directory = stage.config, run.stage_directory(stage.name)
    done = ckpt.epochs_done(directory)
    keep_best = cb.KeepBest(directory, stage.monitor, stage.higher_is_better)
    progress = cb.ShowProgress(stage.name, config.epochs)
    evaluation: list[keras.callbacks.Callback] = [cb.Validate(stage.validate), keep_best]
    if config.ema:
        averages = LoadAverages()
        final = cb.SaveFinalAverages(directory, config, keep_best)
        evaluation = [averages, *evaluation, final, RestoreWeights(averages)]
    try:
        with stage.data(done) as data:
            with scope(strategy):
                _prepare(run, stage, model, segment, data.steps_per_epoch)
            model.fit(
                data.dataset,
                steps_per_epoch=data.steps_per_epoch,
                initial_epoch=done,
                epochs=segment.end,
                shuffle=False,  # the stream is shuffled already
                verbose=0,
                callbacks=[
                    cb.StopAtDivergence(stage.name),
                    progress,
                    *evaluation,
                    cb.RecordHistory(run, stage.name, done, config.epochs),
                    # Before the checkpoint: an epoch that is not repeated has been seen by all.
                    *stage.callbacks,
                    cb.Checkpoint(
                        run,
                        stage.name,
                        config,
                        lambda: ckpt.random_states(stage.model),
                        keep_best,
                    ),
                ],
            )
    finally:
        progress.close()


def _prepare(
    run: Run, stage: Stage, model: keras.Model, segment: Segment, steps_per_epoch: int
) -> None:
    """Compile the model for a segment, with weights and optimiser of the last epoch done.

    Also where that epoch was run by this process: `fit` ends with the averaged weights loaded.
    """
    directory = run.stage_directory(stage.name)
    state = ckpt.read_json(directory / ckpt.STATE)
    if state is None:
        _compile(stage, model, segment, steps_per_epoch)
        return
    last = next(s for s in stage.config.segments if s.first < state["epoch"] <= s.end)
    _compile(stage, model, last, steps_per_epoch)
    file = directory / state["weights"]
    with warnings.catch_warnings():
        # Keras only warns where the file's optimiser does not fit.
        warnings.filterwarnings("error", message="Skipping variable loading for optimizer")
        try:
            model.load_weights(file)
        except (ValueError, UserWarning) as error:
            raise UserError(
                f"{file} does not fit the config of its run: restore its config.yaml, or start a "
                "new run."
            ) from error
    if "random_states" in state:
        ckpt.set_random_states(stage.model, state["random_states"])
    if segment != last:
        previous = model.optimizer
        _compile(stage, model, segment, steps_per_epoch)
        model.optimizer.iterations.assign(keras.ops.convert_to_numpy(previous.iterations))
        if stage.config.ema:
            continue_averages(model.optimizer, previous)
        run.log(f"{stage.name}: training {', '.join(segment.parts)} from here on")


def _compile(stage: Stage, model: keras.Model, segment: Segment, steps_per_epoch: int) -> None:
    config = stage.config
    if len(config.segments) > 1 or segment.parts != ("all",):
        train_only(stage.model, segment.parts)
    optimizer = build_optimizer(config.optimizer, steps_per_epoch, config.epochs, config.ema)
    model.compile(optimizer=optimizer, loss=stage.loss, loss_weights=stage.loss_weights)
    # Not `optimizer`: mixed precision wraps it.
    model.optimizer.build(model.trainable_variables)
