"""One interface to a trained model, whatever file format holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from skinnet_keras.config import CleaningConfig
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.export.run_folder import is_run
from skinnet_keras.export.savedmodel import latest_version
from skinnet_keras.export.sidecar import DEFAULT_MASK_THRESHOLD, Sidecar, class_names, read_sidecar
from skinnet_keras.export.signature_names import SIGNATURE

# Keras and TensorFlow are imported where a format needs them: a `.tflite` file opens without, in a
# tenth of the memory and of the time.


class Runner(ABC):
    """Predicts with one model.

    Attributes:
        format: "keras", "savedmodel", "tflite", "onnx" or "skops".
        input_shapes: Name of each input -> its shape without the batch.
        output_shapes: Name of each output -> its shape without the batch.
        classes: Class of each probability of the output `diagnosis`; empty without that output.
        mask_threshold: Lesion probability from which a pixel of the output `mask` is lesion.
        cleaning: What its training cleaned, and `predict_images` cleans likewise.
        thresholds: Threshold of each class: decide for the largest probability / threshold; None
            where the model was not calibrated.
        num_threads: Threads it predicts with; None leaves the choice to TensorFlow.
    """

    format: ClassVar[str]
    _batch_size: ClassVar[int] = 8

    def __init__(
        self,
        input_shapes: Mapping[str, tuple[int | None, ...]],
        output_shapes: Mapping[str, tuple[int | None, ...]],
        *,
        num_threads: int | None = None,
    ) -> None:
        self.input_shapes = dict(input_shapes)
        self.output_shapes = dict(output_shapes)
        self.classes: tuple[str, ...] = ()
        self.mask_threshold = DEFAULT_MASK_THRESHOLD
        self.cleaning = CleaningConfig()
        self.thresholds: Thresholds | None = None
        self.num_threads = num_threads

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs `predict` needs."""
        return tuple(self.input_shapes)

    @property
    def batch_size(self) -> int:
        """Examples it predicts at once; 1 where the model takes no more."""
        return self._batch_size

    @property
    def output_names(self) -> tuple[str, ...]:
        """Names of the outputs `predict` returns."""
        return tuple(self.output_shapes)

    @property
    def image_size(self) -> int:
        """Side S of the square RGB image in pixels.

        Raises:
            UserError: The model has no input `image` of fixed shape (S, S, 3).
        """
        shape = self.input_shapes.get("image")
        if shape is None or len(shape) != 3 or shape[0] != shape[1] or shape[2] != 3:
            raise UserError(
                f"The model has no input 'image' of one fixed shape (S, S, 3); its inputs are "
                f"{self.input_shapes}."
            )
        if shape[0] is None:
            raise UserError("The model's input 'image' has no fixed size.")
        return shape[0]

    def predict(self, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict a batch.

        Args:
            inputs: Name -> array (N, ...) for each of `input_names`; others are left aside.

        Returns:
            Name -> float32 array (N, ...) for each of `output_names`.

        Raises:
            KeyError: An input is missing.
        """
        needed = {name: np.asarray(inputs[name], np.float32) for name in self.input_names}
        count = len(next(iter(needed.values())))
        parts = [
            self._predict({name: batch[i : i + self._batch_size] for name, batch in needed.items()})
            for i in range(0, count, self._batch_size)
        ]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.output_names}

    @abstractmethod
    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Predict at most `_batch_size` examples."""


class KerasRunner(Runner):
    """Runs a Functional Keras model.

    Args:
        model: The model.
    """

    format = "keras"
    _eager_batches = 4  # a few images are done before a trace of the model would be

    def __init__(self, model: Any) -> None:
        from skinnet_keras.export.signature import model_outputs

        super().__init__(
            {tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs},
            {name: tuple(tensor.shape[1:]) for name, tensor in model_outputs(model).items()},
        )
        self.model = model
        self._full_batches = 0

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        from keras import ops

        from skinnet_keras.export.signature import call_by_name

        full = len(batch[self.input_names[0]]) == self._batch_size
        self._full_batches += full
        compiled = full and self._full_batches > self._eager_batches
        outputs = call_by_name(self.model, batch, compiled=compiled)
        return {
            name: ops.convert_to_numpy(ops.cast(value, "float32"))
            for name, value in outputs.items()
        }


class SavedModelRunner(Runner):
    """Runs the signature `serving_default` of a SavedModel.

    A SavedModel is a program: open only those you trust.

    Args:
        directory: Folder with `saved_model.pb`.

    Raises:
        UserError: The folder holds no SavedModel with that signature.
    """

    format = "savedmodel"

    def __init__(self, directory: str | Path) -> None:
        import tensorflow as tf

        try:
            # The signature works only as long as the object it came from is alive.
            self._loaded = tf.saved_model.load(str(directory))
            self._signature = self._loaded.signatures[SIGNATURE]
        except (OSError, KeyError, ValueError, tf.errors.OpError) as error:
            raise UserError(
                f"{directory} is not a SavedModel with the signature {SIGNATURE!r}."
            ) from error
        inputs = self._signature.structured_input_signature[1]
        outputs = self._signature.structured_outputs
        super().__init__(
            {name: tuple(spec.shape[1:]) for name, spec in inputs.items()},
            {name: tuple(spec.shape[1:]) for name, spec in outputs.items()},
        )

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return self.call_signature(SIGNATURE, batch)

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the SavedModel's signatures."""
        return tuple(self._loaded.signatures)

    def call_signature(self, name: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Run any signature once, as a server does.

        Args:
            name: One of `signatures`.
            inputs: Name -> array, or list of words or files, for each input of the signature.

        Returns:
            Name -> array for each of its outputs.

        Raises:
            UserError: The graph refuses an input.
        """
        import tensorflow as tf

        tensors = {key: tf.constant(value) for key, value in inputs.items()}
        try:
            outputs = self._loaded.signatures[name](**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise UserError(
                f"The signature {name!r} refuses its inputs: {error.message}"
            ) from error
        return {key: value.numpy() for key, value in outputs.items()}


class TFLiteRunner(Runner):
    """Runs a `.tflite` file with LiteRT, one example at a time.

    Args:
        path: The file.
        num_threads: Threads of the interpreter.

    Raises:
        UserError: The file is not a TFLite model, or has not exactly one signature.
    """

    format = "tflite"
    _batch_size = 1

    def __init__(self, path: str | Path, num_threads: int = 2) -> None:
        from ai_edge_litert.interpreter import Interpreter

        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=num_threads)
            self._signature = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise UserError(f"{path} is not a TFLite model with one signature.") from error
        super().__init__(
            _litert_shapes(self._signature.get_input_details()),
            _litert_shapes(self._signature.get_output_details()),
            num_threads=num_threads,
        )

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return dict(self._signature(**batch))


def open_runner(path: str | Path, *, num_threads: int = 2, calibrated: bool = True) -> Runner:
    """Open a trained model of any format this package writes.

    Args:
        path: A run directory (end to end where it has a segmenter; a classical one, too), a
            `.keras` file, a SavedModel directory or its parent of version folders (the highest is
            taken), a `.tflite` or an `.onnx` file.
        num_threads: Threads of LiteRT or ONNX Runtime.
        calibrated: Whether a run predicts with its calibration, where `skinnet calibrate` made
            one; its stored predictions are those without. Exports have it inside or not.

    Returns:
        A runner. Its classes, thresholds and cleaning come from the run, or from
        `metadata.json` beside the artefact; without one the classes are those of ISIC-2019.

    Raises:
        UserError: There is no model at `path`, or it cannot be opened.
    """
    path = Path(path)
    if is_run(path):
        return _open_run(path, calibrated)
    runner: Runner
    if path.suffix == ".tflite" and path.is_file():
        runner = TFLiteRunner(path, num_threads)
    elif path.suffix == ".onnx" and path.is_file():
        from skinnet_keras.export.onnx_runner import OnnxRunner

        runner = OnnxRunner(path, num_threads)
    elif path.suffix == ".keras" or path.is_file():
        from skinnet_keras.models.loading import load_keras

        runner = KerasRunner(load_keras(path))
    else:
        path = _savedmodel_directory(path)
        runner = SavedModelRunner(path)
    sidecar = read_sidecar(path)
    if sidecar is not None:
        runner.mask_threshold = sidecar.mask_threshold
        runner.cleaning = sidecar.cleaning
        runner.thresholds = sidecar.thresholds
    elif is_run(path.parent):
        from skinnet_keras.training.runs import Run

        runner.cleaning = Run.open(path.parent).config.cleaning
    return _with_classes(runner, path, sidecar)


def _open_run(path: Path, calibrated: bool) -> Runner:
    from skinnet_keras.export.run_models import RunModels
    from skinnet_keras.training.runs import Run

    run = Run.open(path)
    if run.config.classical:
        from skinnet_keras.export.classical_runner import ClassicalRunner
        from skinnet_keras.export.run_calibration import RunCalibration

        return ClassicalRunner(run, RunCalibration.of_run(path) if calibrated else None)
    models = RunModels.load(path)
    if calibrated:
        models = models.calibrated()
    runner = KerasRunner(models.end_to_end() or models.classifier or models.segmenter)
    runner.mask_threshold = models.mask_threshold
    runner.cleaning = models.run.config.cleaning
    runner.thresholds = models.calibration.thresholds if models.calibration else None
    return _with_classes(runner, path, None)


def _with_classes(runner: Runner, path: Path, sidecar: Sidecar | None) -> Runner:
    diagnosis = runner.output_shapes.get("diagnosis")
    if diagnosis is not None:
        runner.classes = class_names(path, diagnosis[-1], sidecar)
    return runner


def _savedmodel_directory(path: Path) -> Path:
    if (path / "saved_model.pb").is_file():
        return path
    directory = latest_version(path) if path.is_dir() else None
    if directory is None:
        raise UserError(
            f"{path} holds no model: give a run directory, a .keras file, a SavedModel directory, "
            "a .tflite or an .onnx file."
        )
    return directory


def _litert_shapes(details: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[int | None, ...]]:
    return {
        name: tuple(None if size < 0 else int(size) for size in detail["shape_signature"][1:])
        for name, detail in details.items()
    }
