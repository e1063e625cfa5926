"""SavedModel as TensorFlow Serving reads it: `<model>/<version>/saved_model.pb`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import keras

SIGNATURE = "serving_default"
"""Name of the signature that takes batched tensors by name."""


def write_savedmodel(model: keras.Model, directory: Path, *, batch_size: int | None = None) -> None:
    """Write a SavedModel whose inputs and outputs keep the model's names.

    Args:
        model: A Functional model, float32 inputs; needs the TensorFlow backend.
        directory: Folder to fill.
        batch_size: Fixed batch size; None (for servers) takes any.
    """
    import keras
    import tensorflow as tf

    from skinnet_keras.export.signature import call_by_name

    def serve(inputs: dict[str, Any]) -> dict[str, Any]:
        return call_by_name(model, inputs)

    signature = {
        tensor.name: tf.TensorSpec((batch_size, *tensor.shape[1:]), tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }
    # The archive finds the endpoint's variables itself. Tracking the model as well would only
    # search every layer for lookup tables, which triples the time.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(SIGNATURE, serve, input_signature=[signature])
    archive.write_out(str(directory), verbose=False)


def next_version(*models: Path) -> int:
    """Return 1 + the highest version number that any of these model folders holds (1 if none)."""
    folders = [child for model in models if model.is_dir() for child in model.iterdir()]
    versions = [int(folder.name) for folder in folders if folder.name.isdecimal()]
    return 1 + max(versions, default=0)


def latest_version(model: Path) -> Path | None:
    """Return the folder of the highest version that holds a SavedModel, or None."""
    folders = [
        child
        for child in model.iterdir()
        if child.name.isdecimal() and (child / "saved_model.pb").is_file()
    ]
    return max(folders, key=lambda folder: int(folder.name), default=None)
