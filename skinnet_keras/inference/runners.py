"""Open a trained model, whatever file format holds it."""

from __future__ import annotations

from pathlib import Path

from rich.console import Console

from skinnet_keras.inference.checksums import CHECKSUM_FILE
from skinnet_keras.inference.model_files import ModelFiles, find_model
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.sidecar import METADATA_FILE, class_names
from skinnet_keras.runs.run import Run, is_run

# Keras and TensorFlow are imported where a format needs them: a `.tflite` file opens without, in a
# tenth of the memory and of the time.


def open_runner(
    path: str | Path | ModelFiles, *, num_threads: int = 2, calibrated: bool = True
) -> Runner:
    """Open a trained model of any format this package writes.

    Args:
        path: A run directory (end to end where it has a segmenter; a classical one, too), a
            `.keras` file, a SavedModel directory or its parent of version folders (the highest is
            taken), a `.tflite` or an `.onnx` file; or what `find_model` found there.
        num_threads: Threads of LiteRT or ONNX Runtime.
        calibrated: Whether a run predicts with its calibration, where `skinnet calibrate` made
            one; its stored predictions are those without. Exports have it inside or not.

    Returns:
        A runner, which threads may share. Its classes, thresholds and cleaning come from the run,
        or from `metadata.json` beside the artefact; without one, what is assumed is said on
        stderr.

    Raises:
        UserError: There is no model at `path`, its files are not those that were exported, or it
            cannot be opened.
    """
    found = path if isinstance(path, ModelFiles) else find_model(path)
    if found.format == "run":
        return _open_run(found.path, calibrated)
    runner = _open_file(found, num_threads)
    sidecar, home = found.sidecar, found.path.parent
    if sidecar is not None:
        runner.mask_threshold = sidecar.mask_threshold
        runner.cleaning = sidecar.cleaning
        runner.thresholds = sidecar.thresholds
    elif is_run(home):
        config = Run.open(home).config
        runner.cleaning = config.cleaning
        if config.segmenter is not None:
            runner.mask_threshold = config.segmenter.threshold
    diagnosis = runner.output_shapes.get("diagnosis")
    if diagnosis is not None:
        runner.classes = class_names(found.path, diagnosis[-1], sidecar)
    if sidecar is None and not is_run(home):
        _say(f"No {METADATA_FILE} lies beside {found.path}: assumed are {_assumed(runner)}.")
    elif sidecar is not None and found.listed is False:
        _say(
            f"{CHECKSUM_FILE} beside {found.path} does not list it or its {METADATA_FILE}: they "
            "may not belong together."
        )
    return runner


def _open_file(found: ModelFiles, num_threads: int) -> Runner:
    if found.format == "tflite":
        from skinnet_keras.inference.tflite_runner import TFLiteRunner

        return TFLiteRunner(found.path, num_threads)
    if found.format == "onnx":
        from skinnet_keras.inference.onnx_runner import OnnxRunner

        return OnnxRunner(found.path, num_threads)
    if found.format == "keras":
        from skinnet_keras.inference.keras_runner import KerasRunner
        from skinnet_keras.models.loading import load_keras

        return KerasRunner(load_keras(found.path))
    from skinnet_keras.inference.savedmodel_runner import SavedModelRunner

    return SavedModelRunner(found.path)


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
    if models.classifier is not None:
        runner.classes = models.classes
    return runner


def _assumed(runner: Runner) -> str:
    """What nothing beside a model says; its training may have seen other pixels."""
    classes = f"the classes of ISIC-2019 ({', '.join(runner.classes)}), " if runner.classes else ""
    return f"{classes}images without cleaning and a mask threshold of {runner.mask_threshold}"


def _say(note: str) -> None:
    Console(stderr=True, highlight=False, soft_wrap=True).print(note, markup=False)
