"""Files of a run that a card reads; what is missing or damaged counts as empty."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skinnet_keras.json_text import read_json_file


def read_object(path: Path) -> dict[str, Any]:
    """Content of a JSON file that holds one object; empty where there is none."""
    try:
        content = read_json_file(path)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
