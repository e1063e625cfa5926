"""JSON that somebody else may have written: what cannot be read is a `ValueError`, always."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

_MAX_DIGITS = 300  # `float` raises an `OverflowError` for more than 308


def parse_json(text: str | bytes) -> Any:
    """Parse JSON.

    Args:
        text: The text, or its bytes in UTF-8.

    Raises:
        ValueError: It is none, no UTF-8, nested more deeply than Python reads (`json.loads` raises
            a `RecursionError` then), holds half of a pair of UTF-16, which could not be printed,
            or a whole number that no `float` holds.
    """
    text = text if isinstance(text, str) else text.decode("utf-8")
    try:
        content = json.loads(text, parse_int=_whole)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if "\\ud" in text or "\\uD" in text:
        json.dumps(content, ensure_ascii=False).encode("utf-8")
    return content


def read_json_file(path: Path) -> Any:
    """Read a file of JSON in UTF-8.

    Raises:
        OSError: It cannot be read.
        ValueError: As `parse_json`.
    """
    return parse_json(path.read_bytes())


def _whole(digits: str) -> int:
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"it holds a number of {len(digits)} digits")
    return int(digits)
