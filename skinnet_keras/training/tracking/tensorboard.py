"""Event files for TensorBoard: a point an epoch, in a folder for every stage."""

from __future__ import annotations

import platform
import time
from pathlib import Path
from typing import Any

from skinnet_keras.training.tracking.tracker import Backend


class TensorBoardBackend(Backend):
    """Writes `<directory>/<stage>/events.out.tfevents.*`; the step is the epoch, from 1 on.

    The events are written as such, not through `keras.callbacks.TensorBoard` or `tf.summary`:
    the former adds graphs, profiles and steps of its own, the latter cannot say that a resumed
    training replaces what an interrupted one wrote after its last checkpoint. TensorFlow is
    needed for its record format only, so this works with any Keras backend, and without the
    package tensorboard.

    Args:
        directory: Folder of the run's event files.
    """

    name = "tensorboard"

    def __init__(self, directory: Path):
        self._directory = directory
        self._files: dict[str, _EventFile] = {}

    def log_epoch(self, stage: str, epoch: int, figures: dict[str, float]) -> None:
        if stage not in self._files:
            self._files[stage] = _EventFile(self._directory / stage, first_step=epoch)
        self._files[stage].write(epoch, figures)

    def close(self, exit_code: int) -> None:
        for file in self._files.values():
            file.close()
        self._files.clear()


class _EventFile:
    """A new event file in a folder that may hold some of earlier attempts."""

    def __init__(self, folder: Path, first_step: int):
        import tensorflow as tf

        self._proto = tf.compat.v1
        continues = folder.is_dir() and any(folder.glob("*tfevents*"))
        folder.mkdir(parents=True, exist_ok=True)
        # TensorBoard reads the files in the order of their names.
        name = f"events.out.tfevents.{time.time_ns() // 1000}.{platform.node()}"
        self._writer = tf.io.TFRecordWriter(str(folder / name))
        self._append(file_version="brain.Event:2")
        if continues:
            # Drops the points from this step on that earlier files hold.
            start = self._proto.SessionLog(status=self._proto.SessionLog.START)
            self._append(step=first_step, session_log=start)
        self._writer.flush()

    def write(self, step: int, figures: dict[str, float]) -> None:
        values = [
            self._proto.Summary.Value(tag=tag, simple_value=value) for tag, value in figures.items()
        ]
        self._append(step=step, summary=self._proto.Summary(value=values))
        self._writer.flush()

    def close(self) -> None:
        self._writer.close()

    def _append(self, **content: Any) -> None:
        event = self._proto.Event(wall_time=time.time(), **content)
        self._writer.write(event.SerializeToString())
