"""One interface to a trained model, whatever file format holds it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from skinnet_keras.config import CleaningConfig
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.inference.sidecar import DEFAULT_MASK_THRESHOLD


class Runner(ABC):
    """Predicts with one model.

    Threads may share a runner: each gets the answers to its own questions. How is said by each
    format's runner; none predicts faster with several threads than with the cores it uses anyway.

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
