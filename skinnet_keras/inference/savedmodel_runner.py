"""Runs a SavedModel."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from skinnet_keras.errors import UserError
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.signature_names import SIGNATURE


class SavedModelRunner(Runner):
    """Runs the signature `serving_default` of a SavedModel.

    A SavedModel is a program: open only those you trust. Threads predict at the same time: its
    functions are traced already, and TensorFlow keeps nothing of one call for the next.

    Args:
        directory: Folder with `saved_model.pb`.

    Raises:
        UserError: The folder holds no SavedModel with that signature.
    """

    format = "savedmodel"

    def __init__(self, directory: str | Path) -> None:
        try:
            # The signature works only as long as the object it came from is alive.
            self._loaded = tf.saved_model.load(str(directory))
            self._signature = self._loaded.signatures[SIGNATURE]
        # What a damaged file makes TensorFlow raise depends on where the damage is.
        except Exception as error:
            raise UserError(
                f"{directory} is not a SavedModel with the signature {SIGNATURE!r}, or it is "
                "damaged: export or copy it again."
            ) from error
        self._directory = directory
        inputs = self._signature.structured_input_signature[1]
        outputs = self._signature.structured_outputs
        super().__init__(
            {name: tuple(spec.shape[1:]) for name, spec in inputs.items()},
            {name: tuple(spec.shape[1:]) for name, spec in outputs.items()},
        )

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            return self.call_signature(SIGNATURE, batch)
        except tf.errors.OpError as error:
            raise UserError(
                f"TensorFlow cannot run {self._directory}: it is damaged, or takes other inputs."
            ) from error

    @property
    def signatures(self) -> tuple[str, ...]:
        """Names of the SavedModel's signatures."""
        return tuple(self._loaded.signatures)

    def call_signature(self, name: str, inputs: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Run any signature once, as a server does.

        Args:
            name: One of `signatures`.
            inputs: Name -> array, or list of words or files, for each input of the signature.

        Returns:
            Name -> array for each of its outputs.

        Raises:
            UserError: The graph refuses an input.
        """
        tensors = {key: tf.constant(value) for key, value in inputs.items()}
        try:
            outputs = self._loaded.signatures[name](**tensors)
        except tf.errors.InvalidArgumentError as error:
            raise UserError(
                f"The signature {name!r} refuses its inputs: {error.message}"
            ) from error
        return {key: value.numpy() for key, value in outputs.items()}
