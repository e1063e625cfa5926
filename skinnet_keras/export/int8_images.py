"""What int8 artefacts are made by and judged on: images of the run's catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.inference.catalogue_inputs import CatalogueInputs, spread_rows
from skinnet_keras.inference.runner import Runner

REPRESENTATIVE_IMAGES = 200
"""Training images on which the ranges of activations are measured."""

MIN_VALIDATION_IMAGES = 500
"""Labelled validation images that a decision about int8 has to rest on."""

_BATCH = 32
_JUDGED = ("diagnosis", "mask", "abstain")


@dataclass(frozen=True)
class Judged:
    """What one model says of the validation images.

    Attributes:
        predictions: Labels, groups and probabilities.
        masks: bool (N, S, S, 1), thresholded; None for a model without masks.
        abstains: bool (N,); None for a model that never abstains.
    """

    predictions: Predictions
    masks: np.ndarray | None
    abstains: np.ndarray | None


@dataclass(frozen=True)
class Int8Images:
    """Training images to quantise by, validation images to judge by.

    Attributes:
        training: At most `REPRESENTATIVE_IMAGES` rows of the training split.
        validation: The labelled rows of the validation split.
        classes: Class of each probability, in order.
        reference: The Keras model in float32: end to end where there is one, whose masks the
            classifier then gets, else the classifier.
        mask_threshold: Lesion probability from which a pixel belongs to the mask.
    """

    training: CatalogueInputs
    validation: CatalogueInputs
    classes: tuple[str, ...]
    reference: Runner
    mask_threshold: float

    @classmethod
    def open(
        cls,
        catalogue: Catalogue,
        reference: Runner,
        classes: tuple[str, ...],
        *,
        mask_threshold: float,
        cleaning: CleaningConfig,
        force: bool = False,
    ) -> Int8Images:
        """Choose the images.

        Args:
            catalogue: The run's catalogue.
            reference: See the class.
            classes: See the class.
            mask_threshold: See the class.
            cleaning: What training cleaned.
            force: Whether to judge by fewer validation images than `MIN_VALIDATION_IMAGES`.

        Raises:
            UserError: There are too few images.
        """
        training = catalogue.usable(["train"])
        validation = catalogue.usable(["val"])
        validation = validation[validation["label"].isin(classes)]
        if training.empty or validation.empty:
            raise UserError(
                f"{catalogue.root} has no {'training' if training.empty else 'validation'} image "
                "to make and judge int8 by: leave int8 out of --precision."
            )
        if len(validation) < MIN_VALIDATION_IMAGES and not force:
            raise UserError(
                f"int8 is judged on at least {MIN_VALIDATION_IMAGES} labelled validation images, "
                f"and {catalogue.root} has {len(validation)}: leave int8 out of --precision, "
                "choose a larger catalogue with --data, or write it all the same with --force."
            )
        chosen = spread_rows(training, REPRESENTATIVE_IMAGES)
        size = reference.image_size
        return cls(
            CatalogueInputs.open(catalogue, chosen, size, cleaning=cleaning),
            CatalogueInputs.open(catalogue, validation, size, cleaning=cleaning),
            classes,
            reference,
            mask_threshold,
        )

    def representative(self, names: tuple[str, ...]) -> Iterator[dict[str, np.ndarray]]:
        """Yield the inputs called `names` of each training image, float32 (1, ...)."""
        for batch in self.training.batches(_BATCH):
            inputs = batch
            if "mask" in names and "mask" in self.reference.output_names:
                mask = self.reference.predict(batch)["mask"] >= self.mask_threshold
                inputs = batch | {"mask": mask.astype(np.float32)}
            for i in range(len(batch["image"])):
                yield {name: inputs[name][i : i + 1] for name in names}

    @cached_property
    def expected(self) -> Judged:
        """What the Keras model says."""
        return self.judge(self.reference, masks=None)

    def judge(self, runner: Runner, *, masks: np.ndarray | None) -> Judged:
        """Predict the validation images.

        Args:
            runner: A model.
            masks: bool (N, S, S, 1), for classifiers; None = the ground truth.
        """
        outputs: dict[str, list[np.ndarray]] = {
            name: [] for name in _JUDGED if name in runner.output_names
        }
        for start in range(0, len(self.validation), _BATCH):
            inputs = self.validation.read(start, start + _BATCH)
            if masks is not None:
                inputs["mask"] = masks[start : start + _BATCH].astype(np.float32)
            predicted = runner.predict(inputs)
            for name, parts in outputs.items():
                is_mask = name == "mask"
                parts.append(predicted[name] >= self.mask_threshold if is_mask else predicted[name])
        joined = {name: np.concatenate(parts) for name, parts in outputs.items()}
        table = self.validation.table
        predictions = Predictions(
            table["image_id"].tolist(),
            table["label"].tolist(),
            joined["diagnosis"].astype(np.float64),
            self.classes,
            table["group"].tolist(),
        )
        abstains = joined["abstain"][:, 0] > 0 if "abstain" in joined else None
        return Judged(predictions, joined.get("mask"), abstains)
