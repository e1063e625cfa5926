"""Inputs and outputs of a Keras model by name, however it was built."""

from __future__ import annotations

from typing import Any

import keras


def model_outputs(model: keras.Model) -> dict[str, keras.KerasTensor]:
    """Return the outputs of a model by name, also where it was built with a list or one tensor."""
    if isinstance(model.output, dict):
        return dict(model.output)
    return dict(zip(model.output_names, model.outputs, strict=True))


def call_by_name(
    model: keras.Model, inputs: dict[str, Any], *, compiled: bool = False
) -> dict[str, Any]:
    """Run a model for inference, inputs and outputs by name, however it was built.

    Args:
        model: A Functional model.
        inputs: Name -> batch, for every input of the model.
        compiled: Whether to trace the model once for this batch size: worth it for many batches.

    Returns:
        Name -> batch, for every output of the model.
    """
    batches: Any = inputs
    if not isinstance(model.input, dict):
        batches = [inputs[tensor.name] for tensor in model.inputs]
        batches = batches if isinstance(model.input, list) else batches[0]
    outputs = model.predict_on_batch(batches) if compiled else model(batches, training=False)
    if isinstance(outputs, dict):
        return outputs
    outputs = outputs if isinstance(outputs, list | tuple) else [outputs]
    return dict(zip(model.output_names, outputs, strict=True))
