"""Runs a Functional Keras model."""

from __future__ import annotations

from threading import Lock
from typing import Any

import numpy as np
from keras import ops

from skinnet_keras.inference.calling import call_by_name, model_outputs
from skinnet_keras.inference.runner import Runner


class KerasRunner(Runner):
    """Runs a Functional Keras model.

    Threads take turns (a lock): Keras does not promise that tracing a model in one thread while
    another calls it is safe, and one prediction uses all cores already.

    Args:
        model: The model.
    """

    format = "keras"
    _eager_batches = 4  # a few images are done before a trace of the model would be

    def __init__(self, model: Any) -> None:
        super().__init__(
            {tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs},
            {name: tuple(tensor.shape[1:]) for name, tensor in model_outputs(model).items()},
        )
        self.model = model
        self._full_batches = 0
        self._lock = Lock()

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        full = len(batch[self.input_names[0]]) == self._batch_size
        with self._lock:
            self._full_batches += full
            compiled = full and self._full_batches > self._eager_batches
            outputs = call_by_name(self.model, batch, compiled=compiled)
        return {
            name: ops.convert_to_numpy(ops.cast(value, "float32"))
            for name, value in outputs.items()
        }
