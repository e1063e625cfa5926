"""Keras callbacks of a training stage: validate, keep the best, checkpoint, record, show."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from skinnet_keras.atomic import atomic_file
from skinnet_keras.training.runs import Run


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
    """Keep the weights of the best epoch in `best.weights.h5`, its score in `best.json`.

    Args:
        directory: Folder of the stage.
        monitor: Key in the logs.
        higher_is_better: Direction of the score.
    """

    def __init__(self, directory: Path, monitor: str, higher_is_better: bool):
        super().__init__()
        self._directory, self._monitor = directory, monitor
        self._sign = 1.0 if higher_is_better else -1.0
        best = read_json(directory / "best.json")
        self._best = self._sign * best["score"] if best else -math.inf

    def on_epoch_end(self, epoch, logs=None):
        score = logs[self._monitor]
        if not self._sign * score > self._best:  # NaN is never better.
            return
        self._best = self._sign * score
        save_weights(self.model, self._directory / "best.weights.h5")
        write_json(
            self._directory / "best.json",
            {"epoch": epoch + 1, "monitor": self._monitor, "score": score},
        )


class Checkpoint(keras.callbacks.Callback):
    """Save weights and optimiser every few epochs and after the last one, then say so.

    Args:
        run: The run.
        stage: Name of the stage.
        every: Epochs between checkpoints.
        epochs: Epochs of the stage.
    """

    def __init__(self, run: Run, stage: str, every: int, epochs: int):
        super().__init__()
        self._run, self._stage = run, stage
        self._every, self._epochs = every, epochs

    def on_epoch_end(self, epoch, logs=None):
        done = epoch + 1
        if done % self._every and done != self._epochs:
            return
        if self.model.stop_training:  # The loss is no number: nothing to go on from.
            return
        directory = self._run.stage_directory(self._stage)
        name = f"epoch_{done:04d}.weights.h5"
        save_weights(self.model, directory / name)
        write_json(directory / "state.json", {"epoch": done, "weights": name, "logs": logs})
        self._run.log(f"{self._stage}: checkpoint and evaluation after epoch {done} ({name})")


class RecordHistory(keras.callbacks.Callback):
    """Append a row to the run's `history.csv` after every epoch.

    Args:
        run: The run.
        stage: Name of the stage.
        first_epoch: Epochs already done; later rows of an interrupted attempt are dropped.
    """

    def __init__(self, run: Run, stage: str, first_epoch: int):
        super().__init__()
        self._run, self._stage = run, stage
        self._rows = [
            row
            for row in run.history()
            if row["stage"] != stage or int(row["epoch"]) <= first_epoch
        ]
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
        self._run.log(f"{self._stage}: epoch {epoch + 1}/{self.params['epochs']}  {figures}")


class ShowProgress(keras.callbacks.Callback):
    """A progress bar over the steps of each epoch, on stderr."""

    def __init__(self, stage: str):
        super().__init__()
        self._stage = stage
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
        description = f"{self._stage} {epoch + 1}/{self.params['epochs']}"
        self._progress.reset(self._task, description=description)

    def on_train_batch_end(self, batch, logs=None):
        self._progress.update(self._task, completed=batch + 1, loss=float(logs["loss"]))

    def on_train_end(self, logs=None):
        self.close()

    def close(self):
        """Remove the bar; also after an interruption."""
        self._progress.stop()


def save_weights(model: keras.Model, path: Path) -> None:
    """Save weights (and the optimiser of a compiled model) atomically."""
    with atomic_file(path) as temporary:
        model.save_weights(temporary)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Write a small JSON file atomically."""
    with atomic_file(path) as temporary:
        temporary.write_text(json.dumps(data, indent=2) + "\n", encoding="utf-8")


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file, or None when there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
