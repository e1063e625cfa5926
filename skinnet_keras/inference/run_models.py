"""The trained models of a run directory, as predicting and exporting need them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import keras

from skinnet_keras.classical.storage import CLASSIFIER_FILE
from skinnet_keras.errors import UserError
from skinnet_keras.inference.calling import model_outputs
from skinnet_keras.inference.run_calibration import RunCalibration
from skinnet_keras.inference.sidecar import DEFAULT_MASK_THRESHOLD, class_names
from skinnet_keras.models import attach_segmenter
from skinnet_keras.models.loading import load_keras
from skinnet_keras.runs.run import BEST_FILE, SEGMENTER_FILE, Run
from skinnet_keras.runs.view_record import read_tta


@dataclass(frozen=True)
class RunModels:
    """The models of one training run.

    Attributes:
        run: The run.
        classifier: Its best classifier; None where only a segmentation network was trained.
        segmenter: The segmentation network, if there is one.
        calibration: What the classifier's probabilities were calibrated with; None where they
            are as it was trained.
    """

    run: Run
    classifier: keras.Model | None
    segmenter: keras.Model | None
    calibration: RunCalibration | None = None

    @classmethod
    def load(cls, directory: str | Path) -> RunModels:
        """Load the models of a run directory.

        Args:
            directory: The run directory.

        Raises:
            UserError: The folder is no finished run or one without networks (classical, or what
                `skinnet tta` leaves), or a file of it cannot be loaded.
        """
        run = Run.open(Path(directory))
        averaged = read_tta(run.directory)
        if averaged is not None:
            raise UserError(
                f"{run.directory} holds predictions averaged over views and no network: name the "
                f"run they come from, {averaged.run}."
            )
        if run.config.classical:
            raise UserError(
                f"{run.directory} holds a classical classifier ({CLASSIFIER_FILE}) and no network: "
                "predict with `skinnet predict`; there is nothing to export."
            )
        best_file, segmenter_file = (run.directory / n for n in (BEST_FILE, SEGMENTER_FILE))
        if not best_file.is_file() and (run.config.model or not segmenter_file.is_file()):
            raise UserError(
                f"{run.directory} is not a finished run: it has no {BEST_FILE} yet (continue it "
                f"with `skinnet train --resume {run.directory}`)."
            )
        best = load_keras(best_file) if best_file.is_file() else None
        if best is not None and "diagnosis" not in model_outputs(best):
            return cls(run, None, best)
        segmenter = load_keras(segmenter_file) if segmenter_file.is_file() else None
        return cls(run, best, segmenter)

    @property
    def classes(self) -> tuple[str, ...]:
        """Class of each probability of the classifier, in order; empty without one."""
        if self.classifier is None:
            return ()
        diagnosis = model_outputs(self.classifier)["diagnosis"]
        return class_names(self.run.directory, diagnosis.shape[-1])

    def calibrated(self) -> RunModels:
        """Return the models with the run's calibration, if `skinnet calibrate` made one.

        Raises:
            UserError: It no longer fits the run.
        """
        calibration = RunCalibration.of_run(self.run.directory)
        if self.classifier is None or calibration is None:
            return self
        classifier = calibration.apply(self.classifier, self.classes)
        return replace(self, classifier=classifier, calibration=calibration)

    @property
    def mask_threshold(self) -> float:
        """Lesion probability from which a pixel belongs to the mask."""
        segmenter = self.run.config.segmenter
        return DEFAULT_MASK_THRESHOLD if segmenter is None else segmenter.threshold

    def end_to_end(self) -> keras.Model | None:
        """Return classifier and segmenter as one model; None where one of them is missing.

        Raises:
            UserError: They do not fit together.
        """
        if self.classifier is None or self.segmenter is None:
            return None
        try:
            return attach_segmenter(self.classifier, self.segmenter, self.mask_threshold)
        except ValueError as error:
            raise UserError(f"{self.run.directory}: {error}") from error

    def weight_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each model file of the run."""
        return self.run.weight_hashes()
