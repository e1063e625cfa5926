"""What lies beside an artefact and is needed to use it: classes, thresholds, cleaning."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from skinnet_keras.config import CleaningConfig
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.taxonomy import CLASSES, LABELS

METADATA_FILE = "metadata.json"
"""Beside every exported artefact."""

# Inside a SavedModel's version folder, where TensorFlow Serving leaves it alone: each version
# keeps its own.
SAVEDMODEL_METADATA = f"assets.extra/{METADATA_FILE}"

DEFAULT_MASK_THRESHOLD = 0.5


@dataclass(frozen=True)
class Sidecar:
    """The part of an artefact's `metadata.json` that predicting needs.

    Attributes:
        source: The file it was read from.
        classes: Class of each probability, in order.
        mask_threshold: Lesion probability from which a pixel belongs to the mask.
        cleaning: What training cleaned; nothing in files without that entry.
        thresholds: Threshold of each class, for calibrated models.
    """

    source: Path
    classes: tuple[str, ...]
    mask_threshold: float
    cleaning: CleaningConfig
    thresholds: Thresholds | None


def read_sidecar(artefact: Path) -> Sidecar | None:
    """Read the `metadata.json` of a SavedModel directory or of a file beside it.

    Args:
        artefact: SavedModel directory, or model file.

    Returns:
        Its content, or None where there is none.

    Raises:
        UserError: The file is damaged.
    """
    folder = artefact if artefact.is_dir() else artefact.parent
    for file in (folder / SAVEDMODEL_METADATA, folder / METADATA_FILE):
        if file.is_file():
            return _parse(file)
    return None


def class_names(
    artefact: Path, count: int | None, sidecar: Sidecar | None = None
) -> tuple[str, ...]:
    """Name the classes of a model's probabilities.

    Args:
        artefact: The artefact, for messages.
        count: Number of probabilities it gives.
        sidecar: What lies beside it.

    Returns:
        `count` names: the sidecar's, else the eight classes of ISIC-2019 or those and UNK.

    Raises:
        UserError: There are no `count` names.
    """
    if sidecar is not None:
        if len(sidecar.classes) != count:
            raise UserError(
                f"{sidecar.source} names {len(sidecar.classes)} classes, but {artefact} gives "
                f"{count} probabilities: they do not belong together."
            )
        return sidecar.classes
    for names in (CLASSES, LABELS):
        if len(names) == count:
            return names
    raise UserError(
        f"{artefact} gives {count} probabilities, and no {METADATA_FILE} beside it names the "
        "classes."
    )


def _parse(file: Path) -> Sidecar:
    try:
        content: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        classes = tuple(str(name) for name in content["classes"])
        cleaning = CleaningConfig.model_validate(content.get("cleaning") or {})
        threshold = float(content["mask_threshold"])
        thresholds = _thresholds(file, content.get("decision"), classes)
        return Sidecar(file, classes, threshold, cleaning, thresholds)
    except ValidationError as error:
        raise UserError(
            f"{file} asks for a cleaning that this version of the package does not know: install "
            "the version that exported it."
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"{file} is damaged: it does not give 'classes' and 'mask_threshold'."
        ) from error


def _thresholds(file: Path, decision: Any, classes: tuple[str, ...]) -> Thresholds | None:
    if decision is None:
        return None
    try:
        given = Thresholds.from_json(decision["thresholds"]).to_json()
        return Thresholds(classes, tuple(given[name] for name in classes))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(
            f"{file}: 'thresholds' of 'decision' must give a number above 0 for each class."
        ) from error
