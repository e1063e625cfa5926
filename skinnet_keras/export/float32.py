"""A copy of a model that computes in float32, for models trained in mixed precision."""

from __future__ import annotations

from typing import Any

import keras

_MIXED = ("mixed_float16", "mixed_bfloat16")


def float32_model(model: keras.Model) -> keras.Model:
    """Return the model itself, or a float32 copy where it computes in mixed precision.

    Phones and servers run on CPUs where half-precision kernels are missing or slow; the weights
    of a mixed-precision model are float32 already.

    Args:
        model: A Functional model.
    """
    config, changed = _replace_policies(model.get_config())
    if not changed:
        return model
    copy = type(model).from_config(config)
    copy.set_weights(model.get_weights())
    return copy


def _replace_policies(node: Any) -> tuple[Any, bool]:
    if isinstance(node, dict):
        if node.get("class_name") == "DTypePolicy" and node["config"]["name"] in _MIXED:
            return {**node, "config": {"name": "float32"}}, True
        results = {key: _replace_policies(value) for key, value in node.items()}
        return {key: value for key, (value, _) in results.items()}, any(
            changed for _, changed in results.values()
        )
    if isinstance(node, list | tuple):
        items = [_replace_policies(item) for item in node]
        return type(node)(value for value, _ in items), any(changed for _, changed in items)
    return node, False
