"""Where training runs: one device, or several replicas of one host."""

from __future__ import annotations

import contextlib
from typing import Any

import keras

from skinnet_keras.errors import UserError


def build_strategy(name: str) -> Any | None:
    """The `tf.distribute` strategy of a name.

    Args:
        name: `"none"`; `"mirrored"`: `MirroredStrategy` over all GPUs, or all logical CPU
            devices where there is no GPU; `"auto"`: mirrored from two GPUs on, else none (one
            GPU is faster without a strategy, because Keras turns XLA off under one).

    Returns:
        A strategy, or None.

    Raises:
        UserError: `mirrored` on another backend than TensorFlow.
    """
    if name == "none" or (name == "auto" and keras.backend.backend() != "tensorflow"):
        return None
    if keras.backend.backend() != "tensorflow":
        raise UserError("distribute: mirrored needs KERAS_BACKEND=tensorflow; use none or auto.")
    import tensorflow as tf

    gpus = [device.name for device in tf.config.list_logical_devices("GPU")]
    if name == "auto" and len(gpus) < 2:
        return None
    devices = gpus or [device.name for device in tf.config.list_logical_devices("CPU")]
    return tf.distribute.MirroredStrategy(devices)


def scope(strategy: Any | None) -> contextlib.AbstractContextManager:
    """The strategy's scope, or a context that does nothing."""
    return strategy.scope() if strategy is not None else contextlib.nullcontext()


def replicas(strategy: Any | None) -> int:
    """Number of replicas a batch is divided over."""
    return strategy.num_replicas_in_sync if strategy is not None else 1


def synchronize_batch_norm(model: keras.Model, synchronized: bool) -> None:
    """Let batch normalisation see the global batch instead of each replica's share.

    With it, several replicas compute what one device computes on the same global batch. Saved
    models must not carry the flag, which other backends refuse: call with False before saving.
    """
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.synchronized = synchronized
