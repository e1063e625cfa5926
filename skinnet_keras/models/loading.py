"""Open a `.keras` file from somebody else without running anything it brought along.

A `.keras` file is a zip archive whose `config.json` names the Python class of every layer,
initializer and function it wants rebuilt. Keras' safe mode has been bypassed through those names
more than once (CVE-2025-1550, CVE-2025-8747, CVE-2026-1462), so they are checked against a list
of what may be there before Keras sees them, and safe mode stays on as the second lock.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import keras

from skinnet_keras.archives import read_keras_config
from skinnet_keras.errors import UserError

PACKAGE = "skinnet_keras"

# Public module -> what a name in it must be a subclass of. Functions are not on the list:
# `keras.layers.deserialize` or `keras.utils.get_file` are no parts of a model.
_ALLOWED_BASES: dict[str, tuple[type, ...]] = {
    "keras": (keras.Model, keras.DTypePolicy, keras.dtype_policies.DTypePolicyMap),
    "keras.models": (keras.Model,),
    "keras.layers": (keras.layers.Layer,),
    "keras.initializers": (keras.initializers.Initializer,),
    "keras.regularizers": (keras.regularizers.Regularizer,),
    "keras.constraints": (keras.constraints.Constraint,),
    "keras.dtype_policies": (keras.DTypePolicy, keras.dtype_policies.DTypePolicyMap),
    "keras.optimizers": (keras.optimizers.Optimizer,),
    "keras.optimizers.schedules": (keras.optimizers.schedules.LearningRateSchedule,),
    "keras.losses": (keras.losses.Loss,),
    "keras.metrics": (keras.metrics.Metric,),
}

# Keras does not export the class of Functional models nor those of `keras.ops` in a graph.
_FUNCTIONAL_MODULE = "keras.src.models.functional"
_OPERATIONS_PREFIX = "keras.src.ops."

# Keras layers that carry code or open files outside the archive.
_DENIED_LAYERS = {
    "Lambda": "can carry code",
    "TorchModuleWrapper": "can carry code",
    "JaxLayer": "can carry code",
    "FlaxLayer": "can carry code",
    "TFSMLayer": "loads another model from the disk",
    "StringLookup": "can read other files",
    "IntegerLookup": "can read other files",
    "TextVectorization": "can read other files",
}

_PLAIN_VALUES = frozenset(
    {"__keras_tensor__", "__tensor__", "__numpy__", "__bytes__", "__ellipsis__", "__slice__"}
)


def load_keras(path: str | Path) -> keras.Model:
    """Load a `.keras` model after checking that it holds nothing but Keras and SkinNet layers.

    Args:
        path: A `.keras` file, written by this package or by anybody else.

    Returns:
        The model, not compiled.

    Raises:
        UserError: The file is missing, is no intact `.keras` archive, is compressed, names a class
            that is neither a Keras layer nor registered by this package, or does not fit this
            version of Keras.
    """
    path = Path(path)
    for layer, reason in _refusals(read_keras_config(path)):
        raise UserError(f"{path} is refused, because its layer {layer!r} {reason}.")
    # Importing this module has run `skinnet_keras.models`, which registers our own layers.
    try:
        return keras.saving.load_model(path, compile=False, safe_mode=True)
    # What a damaged file makes Keras and its backend raise depends on where the damage is.
    except Exception as error:
        raise UserError(
            f"{path} is a .keras file that Keras {keras.__version__} cannot load: "
            f"{_first_sentence(error)}"
        ) from error


def _refusals(config: Any) -> Iterator[tuple[str, str]]:
    """Yield (layer name, reason) for every entry that may not be loaded."""
    if isinstance(config, dict):
        # `compile=False` drops it unread, and a loss of the author's own is common there.
        config = {key: value for key, value in config.items() if key != "compile_config"}
    pending: list[tuple[Any, str]] = [(config, "(model)")]
    while pending:
        node, layer = pending.pop()
        if isinstance(node, list):
            pending.extend((item, layer) for item in node)
        elif isinstance(node, dict):
            if "class_name" in node:
                layer = _layer_name(node) or layer
                reason = _refusal(node)
                if reason:
                    yield layer, reason
            pending.extend((value, layer) for value in node.values())


def _layer_name(node: dict[str, Any]) -> str | None:
    if "Policy" in str(node["class_name"]):  # its name is a dtype
        return None
    config = node.get("config")
    name = node.get("name") or (config.get("name") if isinstance(config, dict) else None)
    return name if isinstance(name, str) else None


def _refusal(node: dict[str, Any]) -> str | None:
    """Say why one serialised object may not be loaded; None where it may."""
    class_name, module = node["class_name"], node.get("module")
    registered = node.get("registered_name")
    if class_name in _PLAIN_VALUES:
        return None
    if not isinstance(class_name, str) or not isinstance(module, str):
        return f"names no module for {class_name!r}"
    if class_name in _DENIED_LAYERS:
        return f"is a {class_name}, which {_DENIED_LAYERS[class_name]}"
    if class_name == "__lambda__":
        return "holds a Python lambda, which is code"
    if class_name == "function":
        return _function_refusal(node)
    if module.split(".")[0] == PACKAGE:
        known = isinstance(registered, str) and registered.startswith(f"{PACKAGE}>")
        return None if known else f"names {f'{module}.{class_name}'!r}, which is not registered"
    if registered not in (None, "", class_name) or not _is_keras_class(module, class_name):
        return (
            f"names {f'{module}.{class_name}'!r}, which is neither a part of a Keras model nor "
            f"of {PACKAGE}"
        )
    return None


def _function_refusal(node: dict[str, Any]) -> str | None:
    module, name = node["module"], node.get("config")
    # Keras writes its own activations with module "builtins".
    if module in ("builtins", "keras.activations") and isinstance(name, str):
        if name in dir(keras.activations) and name not in ("get", "deserialize", "serialize"):
            return None
        if name.startswith(f"{PACKAGE}>"):
            return None
    return f"names the function {f'{module}.{name}'!r}, which is not a Keras activation"


def _is_keras_class(module: str, class_name: str) -> bool:
    if module == _FUNCTIONAL_MODULE:
        return class_name == "Functional"
    if module.startswith(_OPERATIONS_PREFIX):
        found = vars(sys.modules[module]).get(class_name) if module in sys.modules else None
        return isinstance(found, type) and issubclass(found, keras.Operation)
    bases = _ALLOWED_BASES.get(module)
    found = getattr(sys.modules.get(module), class_name, None)
    return bases is not None and isinstance(found, type) and issubclass(found, bases)


def _first_sentence(error: Exception) -> str:
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return re.split(r"(?<=\.)\s", lines[0])[0][:300]
