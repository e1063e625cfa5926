"""Open a trained model, whatever file format holds it."""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.errors import UserError
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.sidecar import Sidecar, class_names, read_sidecar
from skinnet_keras.inference.versions import latest_version
from skinnet_keras.runs.run import Run, is_run

# Keras and TensorFlow are imported where a format needs them: a `.tflite` file opens without, in a
# tenth of the memory and of the time.


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
        from skinnet_keras.inference.tflite_runner import TFLiteRunner

        runner = TFLiteRunner(path, num_threads)
    elif path.suffix == ".onnx" and path.is_file():
        from skinnet_keras.inference.onnx_runner import OnnxRunner

        runner = OnnxRunner(path, num_threads)
    elif path.suffix == ".keras" or path.is_file():
        from skinnet_keras.inference.keras_runner import KerasRunner
        from skinnet_keras.models.loading import load_keras

        runner = KerasRunner(load_keras(path))
    else:
        from skinnet_keras.inference.savedmodel_runner import SavedModelRunner

        path = _savedmodel_directory(path)
        runner = SavedModelRunner(path)
    sidecar = read_sidecar(path)
    if sidecar is not None:
        runner.mask_threshold = sidecar.mask_threshold
        runner.cleaning = sidecar.cleaning
        runner.thresholds = sidecar.thresholds
    elif is_run(path.parent):
        runner.cleaning = Run.open(path.parent).config.cleaning
    return _with_classes(runner, path, sidecar)


def _open_run(path: Path, calibrated: bool) -> Runner:
    from skinnet_keras.inference.run_models import RunModels

    run = Run.open(path)
    if run.config.classical:
        from skinnet_keras.inference.classical_runner import ClassicalRunner
        from skinnet_keras.inference.run_calibration import RunCalibration

        return ClassicalRunner(run, RunCalibration.of_run(path) if calibrated else None)
    from skinnet_keras.inference.keras_runner import KerasRunner

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
