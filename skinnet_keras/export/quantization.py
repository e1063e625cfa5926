"""Full-integer quantisation after training: int8 weights and activations, float32 in and out.

The head stays in float32: from the layer that gives the logits on, calibration, softmax and
abstention. It is a thousandth of the work, and eight bits would coarsen there what everything
before has computed: a softmax has steps of 1/256, a log-softmax of 1/16.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from skinnet_keras.export.savedmodel import SIGNATURE

Representative = Callable[[], Iterable[dict[str, np.ndarray]]]
"""Yields the inputs of one image after another: name -> float32 (1, ...)."""

_HEAD_OUTPUTS = ("diagnosis", "abstain")

# What a signature's output is computed from ends here: operators with weights.
_DENSE = "FULLY_CONNECTED"
_WEIGHTED = (_DENSE, "CONV_2D", "DEPTHWISE_CONV_2D", "TRANSPOSE_CONV", "BATCH_MATMUL")

# An operator is left in float by the name of its output; these have two.
_ONLY_IN_HEADS = ["TOPK_V2"]


def quantize(converter: Any, representative: Representative) -> bytes:
    """Convert a model to int8: weights for each channel, activations for each tensor.

    Args:
        converter: A `tf.lite.TFLiteConverter` of a SavedModel with static shapes.
        representative: Images to measure the ranges of the activations on.

    Returns:
        The `.tflite` file. Inputs and outputs are float32.
    """
    import tensorflow as tf
    from tensorflow.lite.python.convert import mlir_quantize
    from tensorflow.lite.tools import flatbuffer_utils

    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = lambda: ((SIGNATURE, inputs) for inputs in representative())
    # As `tf.lite.experimental.QuantizationDebugger` does to leave operators in float; that one
    # would quantise a model full of probes besides, twice.
    converter._experimental_calibrate_only = True
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"\s*.*tf\.lite\.Interpreter is deprecated")
        calibrated = converter.convert()
    model = flatbuffer_utils.convert_bytearray_to_object(calibrated)
    tensors = model.subgraphs[0].tensors
    names = []
    for operator in head_operators(model):
        for index in operator.outputs:
            # Without a measured range nothing is rounded between two float operators.
            tensors[index].quantization = None
            names.append(tensors[index].name.decode())
    return mlir_quantize(
        bytes(flatbuffer_utils.convert_object_to_bytearray(model)),
        denylisted_nodes=names,
        denylisted_ops=_ONLY_IN_HEADS,
    )


def head_operators(model: Any) -> list[Any]:
    """List the operators from the layer of the logits to `diagnosis` and `abstain`.

    Args:
        model: `ModelT` of a `.tflite` file with one signature.

    Returns:
        Its `OperatorT`s; empty for segmentation networks.
    """
    graph = model.subgraphs[0]
    producers = {index: operator for operator in graph.operators for index in operator.outputs}
    outputs = model.signatureDefs[0].outputs
    wanted = [o.tensorIndex for o in outputs if o.name.decode() in _HEAD_OUTPUTS]
    found: dict[int, Any] = {}
    while wanted:
        operator = producers.get(wanted.pop())
        if operator is None or id(operator) in found:
            continue
        kind = _builtin_name(model, operator)
        if kind not in _WEIGHTED or kind == _DENSE:
            found[id(operator)] = operator
        if kind not in _WEIGHTED:
            wanted += [index for index in operator.inputs if index >= 0]
    return list(found.values())


def _builtin_name(model: Any, operator: Any) -> str:
    from ai_edge_litert.schema_py_generated import BuiltinOperator

    code = model.operatorCodes[operator.opcodeIndex].builtinCode
    return next(name for name, value in vars(BuiltinOperator).items() if value == code)
