"""What lies beside an artefact and is needed to use it: classes, thresholds, cleaning."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from skinnet_keras.config import CleaningConfig
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.json_text import read_json_file
from skinnet_keras.runs.files import file_sha256
from skinnet_keras.taxonomy import CLASSES, LABELS

METADATA_FILE = "metadata.json"
"""Beside every exported artefact."""

# Inside a SavedModel's version folder, where TensorFlow Serving leaves it alone: each version
# keeps its own.
SAVEDMODEL_METADATA = f"assets.extra/{METADATA_FILE}"

DEFAULT_MASK_THRESHOLD = 0.5

_MAX_BYTES = 16 * 2**20


@dataclass(frozen=True)
class Sidecar:
    """The part of an artefact's `metadata.json` that predicting needs.

    Attributes:
        source: The file it was read from.
        classes: Class of each probability, in order.
        mask_threshold: Lesion probability from which a pixel belongs to the mask.
        cleaning: What training cleaned; nothing in files without that entry.
        thresholds: Threshold of each class, for calibrated models.
        hashes: Name of a model file of its run -> SHA-256.
    """

    source: Path
    classes: tuple[str, ...]
    mask_threshold: float
    cleaning: CleaningConfig
    thresholds: Thresholds | None
    hashes: Mapping[str, str]

    def check_hash(self, file: Path) -> None:
        """Refuse a file that has the name of one it describes, but other content.

        Raises:
            UserError: The file is not the one `metadata.json` was written for.
        """
        expected = self.hashes.get(file.name)
        if expected is not None and file.is_file() and file_sha256(file) != expected:
            raise UserError(
                f"{self.source} describes another {file.name} than the one beside it (its SHA-256 "
                "differs): export the model again."
            )


def read_sidecar(artefact: Path) -> Sidecar | None:
    """Read the `metadata.json` of a SavedModel directory or of a file beside it.

    Args:
        artefact: SavedModel directory, or model file.

    Returns:
        Its content, or None where there is none.

    Raises:
        UserError: The file is damaged, or says what cannot be: classes twice, thresholds that are
            no numbers or out of range.
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
    content = _read(file)
    run = content.get("run")
    hashes = run.get("weights_sha256") if isinstance(run, dict) else None
    classes = _classes(file, content["classes"])
    try:
        cleaning = CleaningConfig.model_validate(content.get("cleaning") or {})
    except ValidationError as error:
        raise UserError(
            f"{file} asks for a cleaning that this version of the package does not know: install "
            "the version that exported it."
        ) from error
    return Sidecar(
        file,
        classes,
        _mask_threshold(file, content["mask_threshold"]),
        cleaning,
        _thresholds(file, content.get("decision"), classes),
        hashes if isinstance(hashes, dict) else {},
    )


def _read(file: Path) -> dict[str, Any]:
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise ValueError("too large")
        content = read_json_file(file)
    except ValueError as error:
        raise UserError(f"{file} is damaged ({error}): copy or export it again.") from error
    if not isinstance(content, dict) or not {"classes", "mask_threshold"} <= content.keys():
        raise UserError(f"{file} is damaged: it does not give 'classes' and 'mask_threshold'.")
    return content


def _classes(file: Path, given: Any) -> tuple[str, ...]:
    names = given if isinstance(given, list) else []
    if not names or not all(isinstance(name, str) and name.strip() for name in names):
        raise UserError(f"{file}: 'classes' must be a list of the classes' names.")
    twice = [name for n, name in enumerate(names) if name in names[:n]]
    if twice:
        raise UserError(f"{file}: 'classes' names {twice[0]!r} twice.")
    return tuple(names)


def _mask_threshold(file: Path, given: Any) -> float:
    is_number = isinstance(given, int | float) and not isinstance(given, bool)
    if not is_number or not 0 < given < 1:  # not true of NaN either
        raise UserError(
            f"{file}: 'mask_threshold' must be a number between 0 and 1, not {given!r}."
        )
    return float(given)


def _thresholds(file: Path, decision: Any, classes: tuple[str, ...]) -> Thresholds | None:
    if decision is None:
        return None
    try:
        given = Thresholds.from_json(decision["thresholds"]).to_json()
        return Thresholds(classes, tuple(given[name] for name in classes))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(
            f"{file}: 'thresholds' of 'decision' must give a number above 0 for each class."
        ) from error
