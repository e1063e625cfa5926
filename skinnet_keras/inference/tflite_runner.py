"""Runs a `.tflite` file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from skinnet_keras.errors import UserError
from skinnet_keras.inference.runner import Runner


class TFLiteRunner(Runner):
    """Runs a `.tflite` file with LiteRT, one example at a time.

    An interpreter keeps inputs and outputs in buffers of its own, so threads take turns (a lock):
    an interpreter for each thread was no faster, as one prediction uses `num_threads` cores
    already, and would take the model's memory again. Who has more cores opens several runners.

    Args:
        path: The file.
        num_threads: Threads of the interpreter.

    Raises:
        UserError: The file is not a TFLite model, or has not exactly one signature.
    """

    format = "tflite"
    _batch_size = 1

    def __init__(self, path: str | Path, num_threads: int = 2) -> None:
        try:
            self._interpreter = Interpreter(model_path=str(path), num_threads=num_threads)
            self._signature = self._interpreter.get_signature_runner()
        except (ValueError, RuntimeError) as error:
            raise UserError(
                f"{path} is not a TFLite model with one signature, or it is damaged."
            ) from error
        self._path, self._lock = path, Lock()
        super().__init__(
            _litert_shapes(self._signature.get_input_details()),
            _litert_shapes(self._signature.get_output_details()),
            num_threads=num_threads,
        )

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        with self._lock:
            try:
                return dict(self._signature(**batch))
            except (ValueError, RuntimeError) as error:
                raise UserError(
                    f"LiteRT cannot run {self._path}: it is damaged, or takes other inputs."
                ) from error


def _litert_shapes(details: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[int | None, ...]]:
    return {
        name: tuple(None if size < 0 else int(size) for size in detail["shape_signature"][1:])
        for name, detail in details.items()
    }
