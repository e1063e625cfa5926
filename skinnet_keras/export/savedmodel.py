"""SavedModel as TensorFlow Serving reads it: `<model>/<version>/saved_model.pb`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE, SIGNATURE

if TYPE_CHECKING:
    import keras


def write_savedmodel(
    model: keras.Model,
    directory: Path,
    *,
    batch_size: int | None = None,
    image_bytes: bool = False,
) -> None:
    """Write a SavedModel whose inputs and outputs keep the model's names.

    Args:
        model: A Functional model, float32 inputs; needs the TensorFlow backend.
        directory: Folder to fill.
        batch_size: Fixed batch size; None (for servers) takes any.
        image_bytes: Whether to add the signature `serve_image_bytes`, for models that can have
            it (`image_bytes.endpoint.why_no_image_bytes`).
    """
    import keras
    import tensorflow as tf

    from skinnet_keras.export.image_bytes.endpoint import image_bytes_endpoint
    from skinnet_keras.inference.calling import call_by_name

    signature = {
        tensor.name: tf.TensorSpec((batch_size, *tensor.shape[1:]), tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }

    def serve(inputs: dict[str, Any]) -> dict[str, Any]:
        return call_by_name(model, inputs)

    if image_bytes:  # both signatures call it: traced once, half the time
        serve = tf.function(serve, input_signature=[signature])
    # The archive finds the endpoint's variables itself. Tracking the model as well would only
    # search every layer for lookup tables, which triples the time.
    archive = keras.export.ExportArchive()
    archive.add_endpoint(SIGNATURE, serve, input_signature=[signature])
    if image_bytes:
        serve_files, files_signature = image_bytes_endpoint(model, serve)
        archive.add_endpoint(IMAGE_BYTES_SIGNATURE, serve_files, input_signature=[files_signature])
    archive.write_out(str(directory), verbose=False)


def next_version(*models: Path) -> int:
    """Return 1 + the highest version number that any of these model folders holds (1 if none)."""
    folders = [child for model in models if model.is_dir() for child in model.iterdir()]
    versions = [int(folder.name) for folder in folders if folder.name.isdecimal()]
    return 1 + max(versions, default=0)
