"""The packages of the extra `onnx`: a file runs with one of them, and without TensorFlow."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence

from skinnet_keras.errors import UserError

RUNNING = ("onnxruntime",)
"""Needed to run a file."""

EXPORTING = ("onnx", "tf2onnx", *RUNNING)
"""Needed to write one, and to check it."""


def require_onnx(packages: Sequence[str]) -> None:
    """Check that packages for ONNX are installed.

    Args:
        packages: `RUNNING` or `EXPORTING`.

    Raises:
        UserError: One is missing.
    """
    missing = [name for name in packages if importlib.util.find_spec(name) is None]
    if missing:
        raise UserError(
            f"ONNX needs {' and '.join(missing)}, which {'is' if len(missing) == 1 else 'are'} not "
            "installed: pip install 'skinnet-keras[onnx]'."
        )
