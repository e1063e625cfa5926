"""Predicting with the classifier of a classical run."""

from __future__ import annotations

import numpy as np

from skinnet_keras.classical.classifiers import class_probabilities
from skinnet_keras.classical.extraction import feature_blocks
from skinnet_keras.classical.storage import CLASSIFIER_FILE, load_classifier
from skinnet_keras.data.metadata import METADATA_DIM
from skinnet_keras.errors import UserError
from skinnet_keras.inference.run_calibration import RunCalibration
from skinnet_keras.inference.runner import Runner
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.samples import classes_of


class ClassicalRunner(Runner):
    """Computes the features of images and asks the run's classifier.

    Threads predict at the same time: features and scikit-learn's predictions are functions of
    their arguments, and nothing is kept between two.

    Args:
        run: A finished run of a classical experiment.
        calibration: What its probabilities are calibrated with.

    Raises:
        UserError: The run is not finished, or its classifier cannot be opened.
    """

    format = "skops"

    def __init__(self, run: Run, calibration: RunCalibration | None = None) -> None:
        config = run.config
        if config.classical is None:
            raise ValueError("the run is not a classical one")
        path = run.directory / CLASSIFIER_FILE
        if not path.is_file():
            raise UserError(
                f"{run.directory} is not a finished run: it has no {CLASSIFIER_FILE} yet "
                f"(continue it with `skinnet train --resume {run.directory}`)."
            )
        side = config.image_size
        inputs: dict[str, tuple[int | None, ...]] = {"image": (side, side, 3)}
        if config.classical.masks:
            inputs["mask"] = (side, side, 1)
        if config.classical.metadata:
            inputs["metadata"] = (METADATA_DIM,)
        outputs: dict[str, tuple[int | None, ...]] = {"diagnosis": (config.num_classes,)}
        if calibration is not None:
            outputs["abstain"] = (1,)
        super().__init__(inputs, outputs)
        self.classes = classes_of(config.num_classes)
        self.cleaning = config.cleaning
        self.thresholds = calibration.thresholds if calibration else None
        self._calibration = calibration
        self._config = config.classical
        self._model = load_classifier(path)

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        # Whole numbers 0..255, as they came out of the resize.
        images = batch["image"].astype(np.uint8)
        masks, metadata = batch.get("mask"), batch.get("metadata")
        features = []
        for row, rgb in enumerate(images):
            blocks = feature_blocks(
                self._config,
                rgb,
                mask=None if masks is None else masks[row, ..., 0].astype(np.uint8),
                metadata=None if metadata is None else metadata[row],
            )
            features.append(np.concatenate(list(blocks.values())))
        probabilities = class_probabilities(self._model, np.stack(features), len(self.classes))
        outputs = {"diagnosis": probabilities}
        if self._calibration is not None:
            outputs = self._calibration.apply_to(probabilities, self.classes)
        return {name: values.astype(np.float32) for name, values in outputs.items()}
