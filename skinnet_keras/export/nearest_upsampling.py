"""Nearest up-sampling in operators that TFLite's CPU delegate takes."""

from __future__ import annotations

from typing import Any

import keras
from keras import ops


@keras.saving.register_keras_serializable("skinnet_keras")
class NearestUpsampling(keras.layers.Layer):
    """`UpSampling2D(interpolation="nearest")` by copies of channels and rows.

    Keras's own becomes two TILE operators, which XNNPACK does not have: each up-sampling would cut
    the graph twice. A row of pixels with its channels doubled is, read again, a row of twice the
    width; so is a map with its rows doubled. Both are a concatenation and a reshape.

    Args:
        size: How often rows and columns are repeated.

    Input: float (B, H, W, C), H, W and C known. Output: (B, H * rows, W * columns, C).
    """

    def __init__(self, size: tuple[int, int] = (2, 2), **kwargs: Any):
        super().__init__(**kwargs)
        self.size = (int(size[0]), int(size[1]))

    def call(self, inputs):
        _, height, width, channels = inputs.shape
        rows, columns = self.size
        wide = _repeated(inputs, columns)
        wide = ops.reshape(wide, (-1, height, width * columns * channels))
        high = _repeated(wide, rows)
        return ops.reshape(high, (-1, height * rows, width * columns, channels))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, height * self.size[0], width * self.size[1], channels)

    def get_config(self):
        return {**super().get_config(), "size": self.size}


def _repeated(values: Any, times: int) -> Any:
    return ops.concatenate([values] * times, axis=-1) if times > 1 else values


def with_delegated_upsampling(model: keras.Model) -> keras.Model:
    """Return the model, or a copy in which `NearestUpsampling` does its nearest up-sampling.

    Args:
        model: A Functional model; the weights of a copy are copies.
    """
    config, changed = _replaced(model.get_config())
    if not changed:
        return model
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _replaced(node: Any) -> tuple[Any, bool]:
    """The config with every nearest `UpSampling2D` exchanged, and whether there was one."""
    if isinstance(node, dict):
        if node.get("class_name") == "UpSampling2D" and _is_nearest(node["config"]):
            return _exchanged(node), True
        results = {key: _replaced(value) for key, value in node.items()}
        changed = any(changed for _, changed in results.values())
        return {key: value for key, (value, _) in results.items()}, changed
    if isinstance(node, list | tuple):
        items = [_replaced(item) for item in node]
        return type(node)(value for value, _ in items), any(changed for _, changed in items)
    return node, False


def _is_nearest(config: dict[str, Any]) -> bool:
    return config["interpolation"] == "nearest" and config["data_format"] == "channels_last"


def _exchanged(node: dict[str, Any]) -> dict[str, Any]:
    """`node`, the config of a layer in a graph, with the other class and what it needs."""
    kept = {key: node["config"][key] for key in ("name", "trainable", "dtype", "size")}
    return {
        **node,
        "module": NearestUpsampling.__module__,
        "class_name": "NearestUpsampling",
        "registered_name": "skinnet_keras>NearestUpsampling",
        "config": kept,
    }
