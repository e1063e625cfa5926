"""Lesion probabilities from any trained segmentation network."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.segmentation.tta import averaged_over_views
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.model_files import ModelFiles, find_model
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.runners import open_runner


def open_segmenter(path: str | Path | ModelFiles, *, data: Path | None = None) -> Runner:
    """Open a segmentation network.

    Args:
        path: A run directory (its segmentation network, also where it has a classifier), a
            `.keras` file, a SavedModel directory, a `.tflite` or an `.onnx` file; or what
            `find_model` found there.
        data: Of a run, where its catalogue lies now, as for `Run.open`.

    Returns:
        A runner with the input `image` and the output `mask_logits`.

    Raises:
        UserError: There is no segmentation network at `path`.
    """
    found = path if isinstance(path, ModelFiles) else find_model(path)
    path = found.path
    if found.format == "run":
        models = RunModels.load(path, data=data)
        if models.segmenter is None:
            raise UserError(f"{path} has no segmentation network: give a run of `segment train`.")
        runner: Runner = KerasRunner(models.segmenter)
        runner.mask_threshold = models.mask_threshold
        runner.cleaning = models.run.config.cleaning
    else:
        runner = open_runner(found)
    if "mask_logits" not in runner.output_names or runner.input_names != ("image",):
        raise UserError(
            f"{path} is not a segmentation network: its inputs are "
            f"{', '.join(runner.input_names)}, its outputs {', '.join(runner.output_names)}."
        )
    if runner.output_shapes["mask_logits"][-1] != 1:
        raise UserError(f"{path} has {runner.output_shapes['mask_logits'][-1]} masks, not one.")
    return runner


def lesion_probability(runner: Runner, images: np.ndarray, *, tta: str = "none") -> np.ndarray:
    """Predict the lesion probability of every pixel.

    Args:
        runner: From `open_segmenter`.
        images: uint8 (N, S, S, 3), prepared canonically: cleaned as `runner.cleaning` says and
            resized to `runner.image_size`.
        tta: Views to average over, one of `skinnet_keras.evaluation.segmentation.tta.TTA`.

    Returns:
        float32 (N, S, S), 0..1.

    Raises:
        UserError: The outputs are not finite.
    """
    return averaged_over_views(lambda views: _probability(runner, views), images, tta)


def _probability(runner: Runner, images: np.ndarray) -> np.ndarray:
    logits = runner.predict({"image": images})["mask_logits"][..., 0]
    if not np.isfinite(logits).all():
        raise UserError("The network's outputs are not numbers: its training has diverged.")
    return 0.5 * (1.0 + np.tanh(0.5 * logits))  # the sigmoid, without overflow
