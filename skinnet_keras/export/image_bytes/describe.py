"""What `metadata.json` says about the signatures of a SavedModel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import keras

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.metadata import MAX_AGE, SEXES, SITES
from skinnet_keras.export.image_bytes.endpoint import (
    image_bytes_inputs,
    why_no_image_bytes,
)
from skinnet_keras.export.image_bytes.metadata import UNKNOWN_AGE
from skinnet_keras.export.signature import TensorInfo, describe_model
from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE, SIGNATURE

_EMPTY = '"" or "unknown" when not known; another word is an error'
_MEANINGS = {
    "image_bytes": "JPEG or PNG file, decoded, turned upright by its EXIF and resized in the "
    'graph; in JSON {"b64": ...}',
    "age": f"years; {UNKNOWN_AGE:g} or NaN when not known (JSON has no NaN)",
    "sex": f"{' or '.join(SEXES)}; {_EMPTY}",
    "site": f"one of {', '.join(SITES)}; {_EMPTY}",
}


def describe_signatures(
    models: Mapping[str, keras.Model], cleaning: CleaningConfig
) -> dict[str, dict[str, Any]]:
    """Describe the signatures of every kind of SavedModel.

    Args:
        models: Kind -> the Keras model that is exported.
        cleaning: What its training cleaned.

    Returns:
        Kind -> name of the signature -> `{"inputs": [...], "outputs": [...]}`, the fields of a
        `TensorInfo` each; `{"left_out": reason}` where there is no `serve_image_bytes`.
    """
    return {
        kind: {
            SIGNATURE: describe_model(model),
            IMAGE_BYTES_SIGNATURE: _describe_image_bytes(model, cleaning),
        }
        for kind, model in models.items()
    }


def _describe_image_bytes(model: keras.Model, cleaning: CleaningConfig) -> dict[str, Any]:
    reason = why_no_image_bytes(model, cleaning)
    if reason is not None:
        return {"left_out": reason}
    inputs = [asdict(_input_info(name, dtype)) for name, dtype in image_bytes_inputs(model).items()]
    return {"inputs": inputs, "outputs": describe_model(model)["outputs"]}


def _input_info(name: str, dtype: str) -> TensorInfo:
    low, high = (0.0, MAX_AGE) if name == "age" else (None, None)
    return TensorInfo(name, (None,), dtype, low, high, _MEANINGS[name])
