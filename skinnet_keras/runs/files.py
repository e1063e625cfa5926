"""What lies in a run directory, for readers that open no catalogue: a light import."""

from __future__ import annotations

import hashlib
from pathlib import Path

CONFIG_FILE = "config.yaml"
ENVIRONMENT_FILE = "environment.json"
BEST_FILE = "best.keras"
SEGMENTER_FILE = "segmenter.keras"


def is_run(path: Path) -> bool:
    """Tell whether a folder is a run directory, finished or not."""
    return (path / CONFIG_FILE).is_file() and (path / ENVIRONMENT_FILE).is_file()


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
