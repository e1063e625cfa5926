"""What a catalogue remembers of its build."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

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
        record = json.loads((catalogue / RECORD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
