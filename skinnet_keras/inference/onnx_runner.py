"""Predicting with an ONNX file."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.inference.onnx_packages import RUNNING, require_onnx
from skinnet_keras.inference.runner import Runner


class OnnxRunner(Runner):
    """Runs an `.onnx` file with ONNX Runtime on the CPU.

    Threads predict at the same time: a session may be run by several.

    Args:
        path: The file.
        num_threads: Threads inside an operator.

    Raises:
        UserError: ONNX Runtime is not installed, or the file is no ONNX model it can run.
    """

    format = "onnx"

    def __init__(self, path: str | Path, num_threads: int = 2) -> None:
        require_onnx(RUNNING)
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = num_threads
        options.log_severity_level = 3
        try:
            # Its fallback prints on stdout and tries the same again.
            self._session = onnxruntime.InferenceSession(
                str(path), options, providers=["CPUExecutionProvider"], enable_fallback=0
            )
        # ONNX Runtime's errors have no common base but this.
        except Exception as error:
            raise UserError(f"{path} is not an ONNX model that ONNX Runtime can run.") from error
        self._path = path
        super().__init__(
            {tensor.name: _shape(tensor.shape) for tensor in self._session.get_inputs()},
            {tensor.name: _shape(tensor.shape) for tensor in self._session.get_outputs()},
            num_threads=num_threads,
        )

    def _predict(self, batch: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        try:
            outputs = self._session.run(list(self.output_names), batch)
        except Exception as error:
            raise UserError(
                f"ONNX Runtime cannot run {self._path}: it is damaged, or takes other inputs."
            ) from error
        return dict(zip(self.output_names, outputs, strict=True))


def _shape(shape: list[int | str | None]) -> tuple[int | None, ...]:
    """The shape without the batch; sizes with a name are free."""
    return tuple(size if isinstance(size, int) else None for size in shape[1:])
