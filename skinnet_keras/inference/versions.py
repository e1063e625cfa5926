"""Versions of a SavedModel as TensorFlow Serving keeps them: `<model>/<version>/saved_model.pb`."""

from __future__ import annotations

from pathlib import Path


def version_folders(model: Path) -> list[Path]:
    """Return the folders of a model's versions that hold a SavedModel, the highest last."""
    folders = [
        child
        for child in (model.iterdir() if model.is_dir() else ())
        if child.name.isdecimal() and (child / "saved_model.pb").is_file()
    ]
    return sorted(folders, key=lambda folder: int(folder.name))


def latest_version(model: Path) -> Path | None:
    """Return the folder of the highest version that holds a SavedModel, or None."""
    return next(reversed(version_folders(model)), None)
