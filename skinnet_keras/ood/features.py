"""What a classifier computes of images: its logits and the features before them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.samples import Samples
from skinnet_keras.inference.run_models import RunModels

_BATCH = 32


@dataclass(frozen=True)
class Computed:
    """Of N images.

    Attributes:
        features: float32 (N, F), the CNN branches' joined vectors.
        logits: float32 (N, K).
    """

    features: np.ndarray
    logits: np.ndarray


class Computer:
    """Computes features and logits, a batch at a time.

    Args:
        models: A run's models; the classifier must be a SkinNet.
    """

    def __init__(self, models: RunModels):
        classifier = models.classifier
        if classifier is None:
            raise ValueError("the run has no classifier")
        self._models = models
        self._names = [tensor.name for tensor in classifier.inputs]
        outputs = [classifier.get_layer(n).output for n in ("cnn_features", "diagnosis_logits")]
        self._model = keras.Model({t.name: t for t in classifier.inputs}, outputs)

    def of_samples(self, samples: Samples, name: str) -> Computed:
        """Of catalogue images, with their masks and metadata; `name` is for the progress bar."""

        def batch(rows: np.ndarray) -> dict[str, np.ndarray]:
            return self._models.classifier_inputs(samples, rows)

        return self._compute(len(samples), batch, name)

    def of_pictures(self, pictures: np.ndarray, name: str) -> Computed:
        """Of pictures of something else: the run's network masks them, metadata is missing.

        Args:
            pictures: uint8 (N, S, S, 3).
            name: For the progress bar.
        """
        missing = MetadataEncoder().encode(None, None, None)

        def batch(rows: np.ndarray) -> dict[str, np.ndarray]:
            inputs = {"image": pictures[rows], "metadata": np.tile(missing, (len(rows), 1))}
            if "mask" in self._names:
                inputs["mask"] = self._models.lesion_masks(pictures[rows])[..., None]
            return inputs

        return self._compute(len(pictures), batch, name)

    def _compute(self, count: int, batch, name: str) -> Computed:
        features: list[np.ndarray] = []
        logits: list[np.ndarray] = []
        starts = range(0, count, _BATCH)
        for start in track(starts, name, console=Console(stderr=True), transient=True):
            given: Mapping[str, np.ndarray] = batch(np.arange(start, min(start + _BATCH, count)))
            inputs = {key: np.asarray(given[key], np.float32) for key in self._names}
            for results, values in zip(
                (features, logits), self._model(inputs, training=False), strict=True
            ):
                results.append(np.asarray(values))
        return Computed(np.concatenate(features), np.concatenate(logits))
