"""Results of a run's networks, stored with the hashes of their weights and read only with them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import write_json
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file

_WEIGHTS = "weights"


class UnusableResultError(UserError):
    """A stored result that is missing, damaged, or of other weights.

    Attributes:
        reason: The sentence's end without the folder, for pages that are passed on.
    """

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{path}: {reason}.")
        self.reason = reason


def write_result(path: Path, content: Mapping[str, Any], weights: Mapping[str, str]) -> None:
    """Write a result as JSON, the weights it is of first.

    Args:
        path: File to write, whole or not at all.
        content: Plain values without NaN.
        weights: Name of each model file of the run -> its SHA-256.
    """
    write_json(path, {_WEIGHTS: dict(weights), **content}, allow_nan=False)


def read_result(path: Path, weights: Mapping[str, str]) -> dict[str, Any]:
    """Read a result that `write_result` wrote.

    Args:
        path: The file.
        weights: Hashes of the model files as they are now.

    Raises:
        UnusableResultError: There is no such file, it holds no object, names no weights or others.
    """
    if not path.is_file():
        raise UnusableResultError(path, f"there is no {path.name}")
    try:
        content = read_json_file(path)
    except (OSError, ValueError):
        content = None
    if not isinstance(content, dict):
        raise UnusableResultError(path, f"{path.name} is damaged")
    found = content.get(_WEIGHTS)
    if not isinstance(found, dict):
        raise UnusableResultError(path, f"{path.name} does not say which weights it is of")
    if found != dict(weights):
        raise UnusableResultError(path, f"{path.name} is of other weights than the run's")
    return content
