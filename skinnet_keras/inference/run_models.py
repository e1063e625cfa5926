"""The trained models of a run directory, as predicting and exporting need them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import keras
import numpy as np

from skinnet_keras.classical.storage import CLASSIFIER_FILE
from skinnet_keras.data.samples import Samples
from skinnet_keras.errors import UserError
from skinnet_keras.inference.calling import model_outputs
from skinnet_keras.inference.run_calibration import RunCalibration
from skinnet_keras.inference.sidecar import DEFAULT_MASK_THRESHOLD, class_names
from skinnet_keras.models import attach_segmenter
from skinnet_keras.models.composite import diagnosis_part
from skinnet_keras.models.loading import load_keras
from skinnet_keras.runs.files import BEST_FILE, SEGMENTER_FILE
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.view_record import read_tta

_BATCH = 32


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
    def load(cls, directory: str | Path, *, data: Path | None = None) -> RunModels:
        """Load the models of a run directory.

        Args:
            directory: The run directory.
            data: Where its catalogue lies now, as for `Run.open`.

        Raises:
            UserError: The folder is no finished run or one without networks (classical, or what
                `skinnet tta` leaves), or a file of it cannot be loaded.
        """
        run = Run.open(Path(directory), data=data)
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

    def predictor(self) -> keras.Model:
        """Return what the run's stored predictions come from: image, ... -> diagnosis.

        The classifier, under the masks that lie in the run; where the joint stage trained the
        segmentation network, the classifier behind that network.

        Raises:
            UserError: The run has no classifier, or not the network it was trained with.
        """
        classifier = self._require_classifier()
        if not self.run.config.tunes_segmenter:
            return classifier
        both = self.end_to_end()
        if both is None:
            raise UserError(
                f"{self.run.directory} has no {SEGMENTER_FILE}, which its classifier was trained "
                "with."
            )
        return diagnosis_part(both)

    def lesion_masks(self, images: np.ndarray) -> np.ndarray:
        """Predict masks with the run's segmentation network, as the end-to-end model does.

        Args:
            images: (N, S, S, 3), 0..255, cleaned as in training.

        Returns:
            uint8 (N, S, S) in {0, 1}.

        Raises:
            UserError: The run has no segmentation network.
        """
        if self.segmenter is None:
            raise UserError(
                f"{self.run.directory} has no segmentation network to find the lesion with."
            )
        masks = np.empty(images.shape[:3], np.uint8)
        for start in range(0, len(images), _BATCH):
            batch = {"image": np.asarray(images[start : start + _BATCH], np.float32)}
            logits = self.segmenter(batch, training=False)["mask_logits"][..., 0]
            # Thresholded where the end-to-end model does it: rounding differs from the logits'.
            probability = keras.ops.convert_to_numpy(keras.ops.sigmoid(logits))
            masks[start : start + _BATCH] = probability >= self.mask_threshold
        return masks

    def classifier_inputs(self, samples: Samples, rows: np.ndarray) -> dict[str, np.ndarray]:
        """Assemble what the classifier takes of some samples, as for the stored predictions.

        Args:
            samples: From `OpenedRun.samples` or `samples_of` of this run.
            rows: int (B,), positions in them.

        Returns:
            Of `image` uint8 (B, S, S, 3), `mask` uint8 (B, S, S, 1) and `metadata` float32
            (B, 14) those that it declares; masks are the samples', and where they have none, those
            that the run's network predicts.

        Raises:
            UserError: The run has no classifier, or not the network that is to predict masks.
        """
        names = {tensor.name for tensor in self._require_classifier().inputs}
        images = samples.images_at(rows)
        inputs = {"image": images}
        if "mask" in names:
            given = samples.masks_at(rows)
            masks = self.lesion_masks(images) if given is None else given
            inputs["mask"] = masks[..., None]
        if "metadata" in names and samples.metadata is not None:
            inputs["metadata"] = samples.metadata[rows]
        return inputs

    def _require_classifier(self) -> keras.Model:
        if self.classifier is None:
            raise UserError(f"{self.run.directory} has no classifier.")
        return self.classifier

    def weight_hashes(self) -> dict[str, str]:
        """Return the SHA-256 of each model file of the run."""
        return self.run.weight_hashes()
