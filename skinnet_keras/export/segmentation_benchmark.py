"""How fast one segmentation network trains and predicts on this machine."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from skinnet_keras.config import Config, parse_config
from skinnet_keras.errors import UserError
from skinnet_keras.export.complexity import multiply_accumulates, trainable_parameters
from skinnet_keras.export.machine import describe_machine
from skinnet_keras.export.tflite import write_tflite
from skinnet_keras.inference.calling import call_by_name
from skinnet_keras.inference.tflite_runner import TFLiteRunner
from skinnet_keras.training.losses import set_l2
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.segmentation import configured_segmenter, prediction_part
from skinnet_keras.training.segmentation_losses import segmentation_loss

# The first calls trace, allocate and choose kernels.
_WARM_UP = 2
_FEWEST = 3


@dataclass(frozen=True)
class SegmenterSpeed:
    """Size and speed of one network; every time is that of one image or one training step.

    Attributes:
        network: Its name in `SEGMENTERS`.
        arguments: Arguments of its builder.
        image_size: Side S of the image in pixels.
        batch_size: Images of a training step.
        threads: Threads of each operation in TensorFlow, and of the TFLite interpreter.
        parameters: Trainable parameters, auxiliary outputs included.
        macs: Multiply-accumulates of one prediction, without auxiliary outputs.
        train_images_per_second: Batch size over the median time of a training step.
        keras_ms: Median time of a prediction by the compiled Keras model, milliseconds.
        keras_ms_min: The shortest such time.
        tflite_ms: Median time of a prediction by the float32 TFLite file, milliseconds; None
            where there is none.
        tflite_ms_min: The shortest such time.
        tflite_bytes: Size of that file.
        tflite_refused: Why there is no TFLite file or it does not run; None where it does.
        machine: As `describe_machine` returns it.
    """

    network: str
    arguments: dict[str, Any]
    image_size: int
    batch_size: int
    threads: int
    parameters: int
    macs: int
    train_images_per_second: float
    keras_ms: float
    keras_ms_min: float
    tflite_ms: float | None = None
    tflite_ms_min: float | None = None
    tflite_bytes: int | None = None
    tflite_refused: str | None = None
    machine: dict[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """Return the figures as plain JSON values."""
        return asdict(self)


def benchmark_segmenter(
    name: str,
    *,
    image_size: int = 224,
    arguments: Mapping[str, Any] | None = None,
    batch_size: int = 8,
    seconds: float = 5.0,
    threads: int = 2,
) -> SegmenterSpeed:
    """Measure a network with fresh weights: its speed does not depend on their values.

    Training is what `segment train` runs on the device, in float32: forward and backward pass of
    all outputs under BCE + Dice, and AdamW. Reading and augmenting images is left out: the same
    batch is trained on over and over. Predictions are at batch 1, without auxiliary outputs.

    Medians are of at least three steps after two that do not count, so that another program's
    burst does not move them.

    Args:
        name: A name in `SEGMENTERS`.
        image_size: Side S of the image in pixels.
        arguments: Arguments of the network's builder.
        batch_size: Images of a training step.
        seconds: Time to measure for, for each of training, Keras and TFLite.
        threads: Threads of the TFLite interpreter. TensorFlow's own are set when it starts: by
            `TF_NUM_INTRAOP_THREADS` in the environment, as `segment benchmark` does.

    Raises:
        UserError: An unknown network, or arguments or a size that it cannot have.
    """
    if keras.backend.backend() != "tensorflow":
        raise UserError("Benchmarks need the TensorFlow backend: set KERAS_BACKEND=tensorflow.")
    config = _config(name, image_size, dict(arguments or {}), batch_size)
    try:
        network = configured_segmenter(config)
    except (TypeError, ValueError) as error:
        raise UserError(f"{name}: {error}") from error
    predicting = prediction_part(network)
    macs = multiply_accumulates(predicting)
    keras_times = _time_keras(predicting, seconds)
    tflite = _time_tflite(predicting, seconds, threads)
    step = statistics.median(_time_training(network, config, batch_size, seconds))
    return SegmenterSpeed(
        network=name,
        arguments=dict(arguments or {}),
        image_size=image_size,
        batch_size=batch_size,
        threads=threads,
        parameters=trainable_parameters(network),
        macs=macs,
        train_images_per_second=batch_size / step,
        keras_ms=1e3 * statistics.median(keras_times),
        keras_ms_min=1e3 * min(keras_times),
        machine=describe_machine(),
        **tflite,
    )


def _config(name: str, image_size: int, arguments: dict[str, Any], batch_size: int) -> Config:
    """An experiment of this network with every default of `segment train`."""
    raw = {
        "name": "benchmark",
        "image_size": image_size,
        "segmenter": {"name": name, "arguments": arguments},
        "stages": {"segmentation": {"epochs": 1, "batch_size": batch_size}},
    }
    return parse_config(raw, "of the benchmark")


def _durations(call: Callable[[], Any], seconds: float) -> list[float]:
    """Seconds of each call after the first ones, for as long as asked, thrice at least."""
    for _ in range(_WARM_UP):
        call()
    taken: list[float] = []
    while len(taken) < _FEWEST or sum(taken) < seconds:
        start = time.perf_counter()
        call()
        taken.append(time.perf_counter() - start)
    return taken


def _image(image_size: int, count: int = 1) -> np.ndarray:
    shape = (count, image_size, image_size, 3)
    return np.random.default_rng(0).uniform(0, 255, shape).astype(np.float32)


def _time_keras(model: keras.Model, seconds: float) -> list[float]:
    import tensorflow as tf

    predict = tf.function(lambda image: call_by_name(model, {"image": image})["mask_logits"])
    image = tf.constant(_image(model.inputs[0].shape[1]))
    # Fetching the result waits for a GPU.
    return _durations(lambda: predict(image).numpy(), seconds)


def _time_tflite(model: keras.Model, seconds: float, threads: int) -> dict[str, Any]:
    image = {"image": _image(model.inputs[0].shape[1])}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.tflite"
        try:
            write_tflite(model, path, precision="float32")
            runner = TFLiteRunner(path, threads)
            taken = _durations(lambda: runner.predict(image), seconds)
        except (UserError, RuntimeError, ValueError) as error:
            return {"tflite_refused": " ".join(str(error).split())}
        return {
            "tflite_ms": 1e3 * statistics.median(taken),
            "tflite_ms_min": 1e3 * min(taken),
            "tflite_bytes": path.stat().st_size,
        }


class _StepTimer(keras.callbacks.Callback):
    """Times the steps of `fit` and ends it.

    Attributes:
        taken: Seconds of every step, the first ones included.
    """

    def __init__(self, seconds: float):
        super().__init__()
        self._seconds = seconds
        self.taken: list[float] = []

    def on_train_batch_begin(self, batch, logs=None):
        self._start = time.perf_counter()

    def on_train_batch_end(self, batch, logs=None):
        float(logs["loss"])  # waits for a GPU
        self.taken.append(time.perf_counter() - self._start)
        counted = self.taken[_WARM_UP:]
        if len(counted) >= _FEWEST and sum(counted) >= self._seconds:
            self.model.stop_training = True


def _time_training(
    model: keras.Model, config: Config, batch_size: int, seconds: float
) -> list[float]:
    """Seconds of each training step, as `training.fit` compiles it."""
    import tensorflow as tf

    if config.stages.segmentation is None:
        raise ValueError("the config has no segmentation stage")
    stage, outputs = config.stages.segmentation, list(model.output)
    set_l2(model, config.l2)
    model.compile(
        optimizer=build_optimizer(stage.optimizer, steps_per_epoch=100, epochs=stage.epochs),
        loss=dict.fromkeys(outputs, segmentation_loss(config.segmentation_loss)),
    )
    images = _image(config.image_size, batch_size)
    masks = (images[..., :1] > 127).astype(np.float32)
    batch = ({"image": images}, dict.fromkeys(outputs, masks))
    timer = _StepTimer(seconds)
    batches = tf.data.Dataset.from_tensors(batch).repeat()
    model.fit(batches, shuffle=False, verbose=0, callbacks=[timer])
    return timer.taken[_WARM_UP:]
