"""A run's classifier and images, in the way its stored predictions were made."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np

from skinnet_keras.data.samples import Samples
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import Predictions, read_predictions
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.runs.opened import OpenedRun
from skinnet_keras.runs.run import Run

SPLITS = ("val", "test")


@dataclass(frozen=True)
class EvaluatedRun:
    """A run, ready to predict its held-out images again.

    Attributes:
        models: Its networks.
        opened: The run with its catalogue and images.
        classifier: What its predictions come from: image (and mask, metadata) -> diagnosis. Where
            the joint stage trained the segmentation network, both networks in one.
        stored: Split -> the predictions the run left.
    """

    models: RunModels
    opened: OpenedRun
    classifier: keras.Model
    stored: dict[str, Predictions]

    @classmethod
    def open(cls, directory: Path, *, data: Path | None = None) -> EvaluatedRun:
        """Load the networks, predictions and images of a run that `check_source` accepts.

        Args:
            directory: The run.
            data: Where its catalogue lies now, as for `Run.open`.

        Raises:
            UserError: The run is not finished, its catalogue changed, or a file cannot be read.
        """
        models = RunModels.load(directory, data=data)
        classifier = models.predictor()
        stored = {
            split: read_predictions(file)
            for split in SPLITS
            if (file := directory / f"predictions_{split}.csv").is_file()
        }
        if "val" not in stored:
            raise UserError(
                f"{directory} is not a finished run: it has no predictions_val.csv yet (continue "
                f"it with `skinnet train --resume {directory}`)."
            )
        opened = OpenedRun(models.run)
        opened.cache  # noqa: B018, errors come before anything is predicted
        return cls(models, opened, classifier, stored)

    @property
    def run(self) -> Run:
        """The run."""
        return self.models.run

    @property
    def masks(self) -> str | None:
        """What the views do to the masks; None for a classifier without masks."""
        if self.run.config.tunes_segmenter:
            return "predicted anew for every view by segmenter.keras"
        return None if self.opened.masks is None else "masks.npy of the run, moved with the image"

    def samples(self, split: str) -> Samples:
        """The labelled images of a split, with what the classifier takes.

        Raises:
            UserError: They are not those of the stored predictions.
        """
        samples = self.opened.samples(split)
        if samples.image_ids != self.stored[split].image_ids:
            raise UserError(
                f"{self.run.directory / f'predictions_{split}.csv'} is not of the images of split "
                f"{split}: let the run measure itself again with `skinnet train --resume "
                f"{self.run.directory}`."
            )
        return samples

    def deviation(self, split: str, probabilities: np.ndarray) -> float:
        """Largest difference of probabilities, float (N, K), to those the run stored."""
        rows = probabilities / probabilities.sum(axis=1, keepdims=True)
        return float(np.abs(rows - self.stored[split].probabilities).max())
