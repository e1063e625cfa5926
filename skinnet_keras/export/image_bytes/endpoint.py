"""The function and the inputs of `serve_image_bytes`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras

from skinnet_keras.config import CleaningConfig
from skinnet_keras.export.image_bytes.decode import canonical_image
from skinnet_keras.export.image_bytes.metadata import encode_metadata

PATIENT_INPUTS = {"age": "float32", "sex": "string", "site": "string"}
"""Inputs of the patient; only models that take metadata have them."""

_PARALLEL_PHOTOGRAPHS = 4  # decoded at once: each may take hundreds of megabytes


def why_no_image_bytes(model: keras.Model, cleaning: CleaningConfig) -> str | None:
    """Say why a model cannot take photographs as files; None where it can.

    Args:
        model: A Functional model with the input names of this package.
        cleaning: What its training cleaned.
    """
    names = {tensor.name for tensor in model.inputs}
    if "mask" in names:
        return "it takes the lesion's mask as well, which is not in a photograph"
    if cleaning.steps:
        return (
            f"it was trained on cleaned images ({', '.join(cleaning.steps)}), and the cleaning is "
            "not a part of the graph"
        )
    return None


def image_bytes_inputs(model: keras.Model) -> dict[str, str]:
    """Return the inputs of `serve_image_bytes`, each of shape (B,): name -> data type.

    Args:
        model: A model for which `why_no_image_bytes` has no reason.
    """
    takes_metadata = any(tensor.name == "metadata" for tensor in model.inputs)
    return {"image_bytes": "string", **(PATIENT_INPUTS if takes_metadata else {})}


def image_bytes_endpoint(
    model: keras.Model, predict: Callable[[dict[str, Any]], dict[str, Any]]
) -> tuple[Callable[[dict[str, Any]], dict[str, Any]], dict[str, Any]]:
    """Build `serve_image_bytes` for a model.

    Args:
        model: A model for which `why_no_image_bytes` has no reason, with a fixed image size.
        predict: Runs it on named tensors.

    Returns:
        The function to export (name -> tensor for its inputs; outputs as of the model), and its
        `tf.TensorSpec` by input name.
    """
    import tensorflow as tf

    size = next(tensor for tensor in model.inputs if tensor.name == "image").shape[1]
    image = tf.TensorSpec((size, size, 3), tf.float32)

    def serve(inputs: dict[str, Any]) -> dict[str, Any]:
        files = inputs["image_bytes"]
        # Decoders run on the CPU only; what is between them would go to and fro.
        with tf.device("/CPU:0"):
            tensors = {
                "image": tf.map_fn(
                    lambda item: canonical_image(item[0], item[1], size),
                    (files, tf.range(tf.size(files))),
                    fn_output_signature=image,
                    parallel_iterations=_PARALLEL_PHOTOGRAPHS,
                )
            }
            if "sex" in inputs:
                patient = {name: inputs[name] for name in PATIENT_INPUTS}
                tensors["metadata"] = encode_metadata(**patient)
        return predict(tensors)

    signature = {
        name: tf.TensorSpec((None,), dtype, name=name)
        for name, dtype in image_bytes_inputs(model).items()
    }
    return serve, signature
