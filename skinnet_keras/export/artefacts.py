"""The artefacts of an export: which files and folders there are, and how each is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras

from skinnet_keras.atomic import write_json
from skinnet_keras.config import CleaningConfig
from skinnet_keras.export.image_bytes.endpoint import why_no_image_bytes
from skinnet_keras.export.onnx import write_onnx
from skinnet_keras.export.quantization import Representative
from skinnet_keras.export.savedmodel import next_version, write_savedmodel
from skinnet_keras.export.tflite import write_tflite
from skinnet_keras.inference.onnx_runner import OnnxRunner
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.sidecar import SAVEDMODEL_METADATA
from skinnet_keras.inference.tflite_runner import TFLiteRunner

FORMATS = ("savedmodel", "tflite", "onnx")
"""Formats a run can be exported to."""

DEFAULT_FORMATS = ("savedmodel", "tflite")
"""Those that need no extra package."""


@dataclass(frozen=True)
class Artefact:
    """One artefact to make.

    Attributes:
        path: File or folder, relative to the export's folder.
        format: One of `FORMATS`.
        kind: "classifier" or "end_to_end".
        precision: How its weights are stored.
    """

    path: str
    format: str
    kind: str
    precision: str


def plan_artefacts(
    directory: Path,
    name: str,
    kinds: Sequence[str],
    formats: Sequence[str],
    precisions: Sequence[str],
) -> Iterator[Artefact]:
    """List what an export makes.

    Args:
        directory: Folder of the exported model; its SavedModels get the next version number.
        name: Name of the exported model.
        kinds: Kinds of models there are.
        formats: Among `FORMATS`.
        precisions: Of the TFLite files.
    """
    if "savedmodel" in formats:
        version = next_version(*(directory / kind for kind in kinds))
        for kind in kinds:
            yield Artefact(f"{kind}/{version}", "savedmodel", kind, "float32")
    if "tflite" in formats:
        for kind in kinds:
            for precision in dict.fromkeys(precisions):
                yield Artefact(f"{name}_{kind}_{precision}.tflite", "tflite", kind, precision)
    if "onnx" in formats:
        for kind in kinds:
            yield Artefact(f"{name}_{kind}_float32.onnx", "onnx", kind, "float32")


def make_artefact(
    artefact: Artefact,
    model: keras.Model,
    path: Path,
    metadata: dict[str, Any],
    representative: Representative | None = None,
) -> Runner:
    """Convert a model, and open what came out.

    Args:
        artefact: What to make.
        model: The Keras model of its kind, float32.
        path: File or folder to write.
        metadata: Content of `metadata.json`; every SavedModel version carries its own.
        representative: Images to quantise by, for int8.

    Raises:
        UserError: The model cannot be converted.
    """
    path.parent.mkdir(exist_ok=True)
    if artefact.format == "savedmodel":
        cleaning = CleaningConfig.model_validate(metadata["cleaning"] or {})
        write_savedmodel(model, path, image_bytes=why_no_image_bytes(model, cleaning) is None)
        write_json(path / SAVEDMODEL_METADATA, metadata)
        return SavedModelRunner(path)
    if artefact.format == "onnx":
        write_onnx(model, path)
        return OnnxRunner(path)
    write_tflite(model, path, precision=artefact.precision, representative=representative)
    return TFLiteRunner(path)
