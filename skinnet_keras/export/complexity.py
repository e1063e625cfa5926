"""Size of a network that no machine changes: its parameters and its multiply-accumulates."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any

import keras

from skinnet_keras.inference.calling import call_by_name


def trainable_parameters(model: keras.Model) -> int:
    """Count the trainable parameters: statistics of batch normalisation are none."""
    return sum(math.prod(weight.shape) for weight in model.trainable_weights)


def multiply_accumulates(model: keras.Model) -> int:
    """Count the multiply-accumulates of one example in inference.

    Convolutions (also depth-wise and transposed), dense layers and matrix products count, the two
    products of attention among them; element-wise arithmetic, normalisation, activations, pooling
    and resizing do not (unless a network resizes by matrix products). A convolution counts its
    whole kernel at every output position, the padded border included.

    Other counters differ: `thop` and many papers ("FLOPs") leave the products of attention out,
    and some count a multiply-accumulate as two operations.

    Args:
        model: A Functional model whose input sizes are fixed but for the batch.

    Returns:
        Multiply-accumulates at batch 1.

    Raises:
        ValueError: An operation has no rule here or no static shape: nothing is left out silently.
    """
    import tensorflow as tf

    signature = {
        tensor.name: tf.TensorSpec((1, *tensor.shape[1:]), tensor.dtype, name=tensor.name)
        for tensor in model.inputs
    }
    traced = tf.function(lambda inputs: call_by_name(model, inputs))
    operations = traced.get_concrete_function(signature).graph.get_operations()
    return sum(_count(operation) for operation in operations)


def _count(operation: Any) -> int:
    rule = _RULES.get(operation.type)
    if rule is None:
        if _is_unknown_product(operation):
            raise ValueError(
                f"no rule to count the multiply-accumulates of {operation.name} "
                f"(operation {operation.type})."
            )
        return 0
    try:
        return rule(operation)
    except TypeError as error:  # a dimension is None
        raise ValueError(f"{operation.name} ({operation.type}) has no static shape.") from error


def _is_unknown_product(operation: Any) -> bool:
    """Whether an operation may multiply matrices, itself or in a function it calls."""
    attributes = operation.node_def.attr.values()
    calls = any(value.HasField("func") or value.list.func for value in attributes)
    return calls or re.search(r"Conv\d?|MatMul|Einsum|Xla|RNN|LSTM|GRU", operation.type) is not None


def _shape(tensor: Any) -> list[int]:
    return tensor.shape.as_list()


def _convolution(operation: Any) -> int:
    """Every output value sums over the kernel's window and input channels (of its group)."""
    kernel = _shape(operation.inputs[1])  # height, width, channels in, channels out
    return math.prod(_output_shape(operation)) * math.prod(kernel[:3])


def _depthwise_convolution(operation: Any) -> int:
    kernel = _shape(operation.inputs[1])  # height, width, channels, multiplier
    return math.prod(_output_shape(operation)) * math.prod(kernel[:2])


def _output_shape(convolution: Any) -> list[int]:
    """Shape of a convolution's output, also where TensorFlow dilates it by cutting the image.

    The image is padded to a multiple of the dilation, cut into interleaved pieces, convolved and
    put together again; the padding is TensorFlow's affair and not counted.
    """
    output = convolution.outputs[0]
    for consumer in output.consumers():
        if consumer.type == "BatchToSpaceND":
            output = consumer.outputs[0]
    return _shape(output)


def _transposed_convolution(operation: Any) -> int:
    """Every input value is spread over the kernel's window and output channels."""
    _, kernel, values = operation.inputs  # kernel: height, width, channels out, channels in
    return math.prod(_shape(values)) * math.prod(_shape(kernel)[:3])


def _matrix_product(operation: Any) -> int:
    is_batched = operation.type != "MatMul"
    transposed = operation.get_attr("adj_x" if is_batched else "transpose_a")
    inner = _shape(operation.inputs[0])[-2 if transposed else -1]
    return math.prod(_shape(operation.outputs[0])) * inner


def _einsum(operation: Any) -> int:
    """One product for every combination of values that the labels take."""
    terms, _, _ = operation.get_attr("equation").decode().partition("->")
    sizes: dict[str, int] = {}
    for term, tensor in zip(terms.split(","), operation.inputs, strict=True):
        if "." in term:
            raise ValueError(f"no rule to count an einsum with an ellipsis ({operation.name}).")
        sizes |= dict(zip(term, _shape(tensor), strict=True))
    return math.prod(sizes.values())


_RULES: dict[str, Callable[[Any], int]] = {
    "Conv2D": _convolution,
    "DepthwiseConv2dNative": _depthwise_convolution,
    "Conv2DBackpropInput": _transposed_convolution,
    "MatMul": _matrix_product,
    "BatchMatMulV2": _matrix_product,
    "Einsum": _einsum,
}
