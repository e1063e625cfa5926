"""Is `serve_image_bytes` the Python path? Asked of every export before it is put in place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import read_image, resize_image
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.photograph_bytes import upright_bytes
from skinnet_keras.errors import UserError
from skinnet_keras.export.image_bytes.metadata import UNKNOWN_AGE
from skinnet_keras.export.parity_images import choose_images
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE

TOLERANCE = 1e-3
"""Largest accepted difference of a probability between the graph's preprocessing and Python's."""

PHOTOGRAPHS = 8


@dataclass(frozen=True)
class Photograph:
    """An image file and its patient, as the catalogue words them ("" when not known)."""

    path: Path
    age: str
    sex: str
    site: str


@dataclass(frozen=True)
class ImageBytesParity:
    """How closely `serve_image_bytes` follows the preprocessing in Python.

    Attributes:
        images: Number of files compared.
        max_difference: Largest absolute difference of a probability.
        tolerance: The accepted `max_difference`.
    """

    images: int
    max_difference: float
    tolerance: float = TOLERANCE


def choose_photographs(catalogue: Catalogue, count: int = PHOTOGRAPHS) -> list[Photograph]:
    """Take original image files of a catalogue; fewer where files are missing."""
    rows = choose_images(catalogue, count)
    columns = [rows[name].astype(str).tolist() for name in ("image_id", "age", "sex", "site")]
    files = [
        Photograph(catalogue.image_path(image_id), *patient)
        for image_id, *patient in zip(*columns, strict=True)
    ]
    return [photograph for photograph in files if photograph.path.is_file()]


def call_with_files(
    runner: SavedModelRunner, files: Sequence[bytes], patients: Sequence[Photograph]
) -> dict[str, np.ndarray]:
    """Run `serve_image_bytes` on a batch, with the patient's inputs where the model has them."""
    inputs: dict[str, Any] = {"image_bytes": list(files)}
    if "metadata" in runner.input_names:
        ages = [float(patient.age or UNKNOWN_AGE) for patient in patients]
        inputs["age"] = np.array(ages, np.float32)
        for word in ("sex", "site"):
            inputs[word] = [getattr(patient, word) for patient in patients]
    return runner.call_signature(IMAGE_BYTES_SIGNATURE, inputs)


def check_image_bytes(
    runner: SavedModelRunner, name: str, photographs: Sequence[Photograph]
) -> ImageBytesParity | None:
    """Compare a SavedModel's `serve_image_bytes` with its `serving_default` fed by Python.

    Args:
        runner: The SavedModel.
        name: Its name, for the message.
        photographs: Original files.

    Returns:
        The comparison; None where it has no such signature or there is no file.

    Raises:
        UserError: A probability differs by more than `TOLERANCE`.
    """
    if IMAGE_BYTES_SIGNATURE not in runner.signatures or not photographs:
        return None
    differences = []
    for photograph in photographs:
        outputs = call_with_files(runner, [upright_bytes(photograph.path)], [photograph])
        expected = runner.predict(
            {
                "image": resize_image(read_image(photograph.path), runner.image_size)[None],
                "metadata": MetadataEncoder().encode_table(
                    pd.DataFrame([asdict(photograph)], dtype=object)
                ),
            }
        )
        differences.append(float(np.abs(outputs["diagnosis"] - expected["diagnosis"]).max()))
    result = ImageBytesParity(len(photographs), max(differences))
    if not result.max_difference <= TOLERANCE:  # NaN is refused, too
        raise UserError(
            f"{name} is not kept: from image files its probabilities differ by up to "
            f"{result.max_difference:.1e} from those of Python's preprocessing (at most "
            f"{TOLERANCE:g} is accepted)."
        )
    return result
