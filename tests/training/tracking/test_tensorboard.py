"""Event files: tags, steps, and what TensorBoard shows after a resume."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from skinnet_keras.training.tracking.tensorboard import TensorBoardBackend


def write_attempt(directory: Path, epochs: list[int], offset: float = 0.0) -> None:
    backend = TensorBoardBackend(directory)
    for epoch in epochs:
        backend.log_epoch("cnn", epoch, {"loss": epoch + offset, "val_loss": 2.0 * epoch})
    backend.close(0)


def test_events_hold_every_figure_with_the_epoch_as_step(tmp_path):
    tf = pytest.importorskip("tensorflow")
    write_attempt(tmp_path, [1, 2])
    (path,) = (tmp_path / "cnn").iterdir()
    events = [
        tf.compat.v1.Event.FromString(record.numpy()) for record in tf.data.TFRecordDataset([path])
    ]
    assert events[0].file_version == "brain.Event:2"
    points = [
        (event.step, value.tag, value.simple_value)
        for event in events
        for value in event.summary.value
    ]
    assert points == [(1, "loss", 1), (1, "val_loss", 2), (2, "loss", 2), (2, "val_loss", 4)]
    # Nothing to replace: a restart would be news to TensorBoard.
    assert not any(event.HasField("session_log") for event in events)


def test_tensorboard_shows_each_epoch_once_after_a_resume(tmp_path):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    write_attempt(tmp_path, [1, 2, 3])
    write_attempt(tmp_path, [3, 4], offset=0.5)  # the checkpoint was written after epoch 2
    accumulator = accumulators.EventAccumulator(str(tmp_path / "cnn"))
    accumulator.Reload()
    assert sorted(accumulator.Tags()["scalars"]) == ["loss", "val_loss"]
    points = [(point.step, point.value) for point in accumulator.Scalars("loss")]
    assert points == [(1, 1.0), (2, 2.0), (3, 3.5), (4, 4.5)]


_FIT = """
import sys
from pathlib import Path
import keras
import numpy as np
from skinnet_keras.training.tracking import Tracker
from skinnet_keras.training.tracking.tensorboard import TensorBoardBackend
assert keras.backend.backend() == "jax"
model = keras.Sequential([keras.layers.Dense(1)])
model.compile("sgd", "mse")
x = np.ones((4, 2), "float32")
with Tracker([TensorBoardBackend(Path(sys.argv[1]))], sys.exit) as tracker:
    model.fit(x, x[:, :1], epochs=2, verbose=0, callbacks=tracker.callbacks("cnn"))
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_fit_on_the_jax_backend_writes_the_same_files(tmp_path):
    tf = pytest.importorskip("tensorflow")
    path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
    subprocess.run(
        [sys.executable, "-c", _FIT, str(tmp_path)],
        check=True,
        env={**os.environ, "KERAS_BACKEND": "jax", "PYTHONPATH": path},
    )
    (path,) = (tmp_path / "cnn").iterdir()
    steps = [
        tf.compat.v1.Event.FromString(record.numpy()).step
        for record in tf.data.TFRecordDataset([str(path)])
    ]
    assert steps == [0, 1, 2]
