"""Keras callbacks of a training stage: validate, keep the best, record, checkpoint, show."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skinnet_keras.atomic import write_json
from skinnet_keras.config import StageConfig
from skinnet_keras.errors import UserError
from skinnet_keras.runs.run import Run, file_sha256
from skinnet_keras.training.checkpoints import (
    BEST,
    FINAL,
    STATE,
    epoch_file,
    new_best_file,
    read_best,
    read_json,
    save_weights,
    state_file,
    tidy,
)


class Validate(keras.callbacks.Callback):
    """Add the validation figures to the epoch's logs; callbacks after this one see them.

    Args:
        validate: Computes the figures (`val_loss`, ...) with the model's present weights, given
            the epoch, from 0.
    """

    def __init__(self, validate: Callable[[int], dict[str, float]]):
        super().__init__()
        self._validate = validate

    def on_epoch_end(self, epoch, logs=None):
        logs.update(self._validate(epoch))


class KeepBest(keras.callbacks.Callback):
    """Save the weights of every epoch that is better than all before.

    They become the stage's best with `Checkpoint`, whose state names their epoch.

    Args:
        directory: Folder of the stage.
        monitor: Key in the logs.
        higher_is_better: Direction of the score.

    Attributes:
        best: `epoch` (from 1), `monitor` and `score`; None where there is none yet.
        sha256: Of the best weights.
    """

    def __init__(self, directory: Path, monitor: str, higher_is_better: bool):
        super().__init__()
        self._directory, self._monitor = directory, monitor
        self._sign = 1.0 if higher_is_better else -1.0
        self.best = read_best(directory)
        state = read_json(directory / STATE) or {}
        self.sha256: str | None = state.get("sha256", {}).get(BEST)
        if self.best and self.sha256 is None and (directory / BEST).is_file():
            self.sha256 = file_sha256(directory / BEST)

    def on_epoch_end(self, epoch, logs=None):
        score = logs[self._monitor]
        bar = self._sign * self.best["score"] if self.best else -math.inf
        if not self._sign * score > bar:  # NaN is never better.
            return
        self.sha256 = save_weights(self.model, self._directory / new_best_file(epoch + 1))
        self.best = {"epoch": epoch + 1, "monitor": self._monitor, "score": score}


class SaveFinalAverages(keras.callbacks.Callback):
    """Save the averaged weights, which the model holds at this moment, when the stage ends.

    Args:
        directory: Folder of the stage.
        config: Tells when the stage ends.
        keep_best: Knows the best epoch.
    """

    def __init__(self, directory: Path, config: StageConfig, keep_best: KeepBest):
        super().__init__()
        self._directory, self._config, self._keep_best = directory, config, keep_best

    def on_epoch_end(self, epoch, logs=None):
        best = self._keep_best.best
        if self._config.ends_after(epoch + 1, best["epoch"] if best else 0):
            save_weights(self.model, self._directory / FINAL)


class Checkpoint(keras.callbacks.Callback):
    """Save after every epoch what a resumed training needs, and end the stage when it is over.

    Args:
        run: The run.
        stage: Name of the stage.
        config: Tells when the stage ends.
        random_states: The states of the model's random generators.
        keep_best: Knows the best epoch.
    """

    def __init__(
        self,
        run: Run,
        stage: str,
        config: StageConfig,
        random_states: Callable[[], list[list[int]]],
        keep_best: KeepBest,
    ):
        super().__init__()
        self._run, self._stage, self._config = run, stage, config
        self._random_states, self._keep_best = random_states, keep_best

    def on_epoch_end(self, epoch, logs=None):
        done, best = epoch + 1, self._keep_best.best
        every = self._run.config.checkpoint_every
        directory = self._run.stage_directory(self._stage)
        name = epoch_file(done)
        hashes = {name: save_weights(self.model, directory / name), BEST: self._keep_best.sha256}
        state = {
            "epoch": done,
            "weights": name,
            "best": best,
            "random_states": self._random_states(),
            "logs": logs,
            "sha256": hashes,
        }
        ended = self._config.ends_after(done, best["epoch"] if best else 0)
        if ended and self._config.ema:
            state["final"] = FINAL
            hashes[FINAL] = file_sha256(directory / FINAL)
        for file in (state_file(done), STATE):
            write_json(directory / file, state)
        tidy(directory, every)
        if ended or done % every == 0:
            self._run.log(f"{self._stage}: checkpoint and evaluation after epoch {done} ({name})")
        if ended and done < self._config.epochs:
            self._run.log(
                f"{self._stage}: stopped early after epoch {done}, no improvement in "
                f"{self._config.early_stopping} epochs"
            )
            self.model.stop_training = True


class RecordHistory(keras.callbacks.Callback):
    """Append a row to the run's `history.csv` after every epoch.

    Args:
        run: The run.
        stage: Name of the stage.
        first_epoch: Epochs already done; rows of later ones, which were lost, are removed.
        epochs: Epochs of the stage.
    """

    def __init__(self, run: Run, stage: str, first_epoch: int, epochs: int):
        super().__init__()
        self._run, self._stage, self._epochs = run, stage, epochs
        rows = run.history()
        self._rows = [
            row for row in rows if row["stage"] != stage or int(row["epoch"]) <= first_epoch
        ]
        if len(self._rows) < len(rows):
            run.write_history(self._rows)
        self._started = self._learning_rate = 0.0

    def on_epoch_begin(self, epoch, logs=None):
        self._started = time.monotonic()
        # A constant rate is a mirrored variable under a strategy.
        rate = self.model.optimizer.learning_rate
        self._learning_rate = float(keras.ops.convert_to_numpy(rate))

    def on_epoch_end(self, epoch, logs=None):
        logs["learning_rate"] = self._learning_rate  # at the start of the epoch
        logs["seconds"] = round(time.monotonic() - self._started, 2)
        self._rows.append({"stage": self._stage, "epoch": epoch + 1, **logs})
        self._run.write_history(self._rows)
        figures = "  ".join(f"{key} {value:.4g}" for key, value in logs.items())
        self._run.log(f"{self._stage}: epoch {epoch + 1}/{self._epochs}  {figures}")


class StopAtDivergence(keras.callbacks.Callback):
    """End the training, without a checkpoint, when the loss is infinite or no number.

    Args:
        stage: Name of the stage.

    Raises:
        UserError: In the step where it happens.
    """

    def __init__(self, stage: str):
        super().__init__()
        self._stage = stage

    def on_train_batch_end(self, batch, logs=None):
        if not math.isfinite(float(logs["loss"])):
            raise UserError(
                f"stage {self._stage}: the loss became infinite or NaN; lower "
                f"stages.{self._stage}.optimizer.learning_rate."
            )


class ShowProgress(keras.callbacks.Callback):
    """A progress bar over the steps of each epoch, on stderr.

    Args:
        stage: Name of the stage.
        epochs: Epochs of the stage.
    """

    def __init__(self, stage: str, epochs: int):
        super().__init__()
        self._stage, self._epochs = stage, epochs
        console = Console(stderr=True)
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeRemainingColumn(),
            TextColumn("loss {task.fields[loss]:.4f}"),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        self._task: Any = None

    def on_train_begin(self, logs=None):
        self._progress.start()
        self._task = self._progress.add_task(self._stage, total=self.params["steps"], loss=math.nan)

    def on_epoch_begin(self, epoch, logs=None):
        description = f"{self._stage} {epoch + 1}/{self._epochs}"
        self._progress.reset(self._task, description=description)

    def on_train_batch_end(self, batch, logs=None):
        self._progress.update(self._task, completed=batch + 1, loss=float(logs["loss"]))

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Remove the bar; also after an interruption."""
        self._progress.stop()
