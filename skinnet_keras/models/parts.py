"""Parts of a SkinNet that the training stages see; they share the whole network's weights."""

from __future__ import annotations

import keras


def cnn_part(model: keras.Model) -> keras.Model:
    """The CNN branches of a SkinNet: `image` (and `mask`) -> features (B, F)."""
    inputs = {tensor.name: tensor for tensor in model.inputs if tensor.name != "metadata"}
    return keras.Model(inputs, model.get_layer("cnn_features").output, name="cnn")


def with_temporary_head(model: keras.Model, dropout: float = 0.2) -> keras.Model:
    """The CNN branches under a head of their own, for stage (b); the head is dropped after it.

    Args:
        model: A SkinNet.
        dropout: Rate before the temporary head (0.2, as EfficientNet's own top).

    Returns:
        A model from `image` (and `mask`) to `{"diagnosis": float32 (B, K)}`.
    """
    cnn = cnn_part(model)
    num_classes = model.output["diagnosis"].shape[-1]
    x = keras.layers.Dropout(dropout, name="temporary_dropout")(cnn.output)
    x = keras.layers.Dense(
        num_classes, activation="softmax", dtype="float32", name="temporary_head"
    )(x)
    inputs = {tensor.name: tensor for tensor in cnn.inputs}
    return keras.Model(inputs, {"diagnosis": x}, name=f"{model.name}_cnn")


def head_part(model: keras.Model) -> keras.Model:
    """The metadata network and head, for stage (c): cached features and metadata -> diagnosis.

    Args:
        model: A SkinNet.

    Returns:
        A model from `cnn_features` float32 (B, F) (and `metadata` float32 (B, M)) to
        `{"diagnosis": float32 (B, K)}`.
    """
    x = keras.Input(model.get_layer("cnn_features").output.shape[1:], name="cnn_features")
    inputs = {"cnn_features": x}
    for tensor in model.inputs:
        if tensor.name == "metadata":
            inputs["metadata"] = keras.Input(tensor.shape[1:], name="metadata")
            vector = _replay(model, "metadata_", inputs["metadata"])
            x = model.get_layer("joined_features")([x, vector])
    x = _replay(model, "head_", x)
    x = model.get_layer("diagnosis")(model.get_layer("diagnosis_logits")(x))
    return keras.Model(inputs, {"diagnosis": x}, name=f"{model.name}_head")


def _replay(model: keras.Model, prefix: str, x):
    """Call the chain of layers whose names start with `prefix` on `x`, in the model's order.

    (A sub-model cut at an inner tensor would do the same, but Keras 3.15 can no longer save the
    whole model after that.)
    """
    for layer in model.layers:
        if layer.name.startswith(prefix):
            x = layer(x)
    return x
