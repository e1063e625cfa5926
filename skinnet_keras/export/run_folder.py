"""What makes a folder a run directory."""

from __future__ import annotations

from pathlib import Path


def is_run(path: Path) -> bool:
    """Tell whether a folder is a run directory, finished or not."""
    return (path / "config.yaml").is_file() and (path / "environment.json").is_file()
