"""What a catalogue remembers of its build."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skinnet_keras.json_text import read_json_file

RECORD_FILE = "build.json"
"""In the catalogue's folder: `arguments` of the build, `versions`, and `report`, its counts."""


def read_record(catalogue: Path) -> dict[str, Any] | None:
    """Read the record of a catalogue's build.

    Args:
        catalogue: The catalogue's folder.

    Returns:
        Its content; None where there is none (a catalogue that was not built), or a damaged one.
    """
    try:
        record = read_json_file(catalogue / RECORD_FILE)
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
