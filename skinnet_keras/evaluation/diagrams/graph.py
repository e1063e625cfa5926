"""A Keras graph as a short list of boxes: what `diagram.plot_model` draws.

Chains such as conv - BN - ReLU - max-pool become one box, and so does a model used as a layer (a
backbone) and a named MBConv block.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

# Operations that continue the box of the operation before them.
_CONTINUES = {
    "Activation",
    "AveragePooling2D",
    "BatchNormalization",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling2D",
    "LayerNormalization",
    "MaxPooling2D",
    "ReLU",
    "Reshape",
    "Softmax",
}
_MERGES = {"Add": "add", "Concatenate": "concatenate", "Multiply": "multiply"}
_WORDS = {
    "BatchNormalization": "BN",
    "Flatten": "flatten",
    "GlobalAveragePooling2D": "global average",
    "GlobalMaxPooling2D": "global maximum",
    "LayerNormalization": "LN",
    "ReLU": "ReLU",
    "Reshape": "reshape",
    "Softmax": "softmax",
}
_ACTIVATIONS = {"relu": "ReLU", "gelu": "GELU", "elu": "ELU", "silu": "SiLU"}
_BLOCK = re.compile(r"(.*mbconv\d+)_")


@dataclass
class Box:
    """One box of the diagram.

    Attributes:
        steps: What happens in it, in order, as words.
        kind: input, convolution, dense, network, merge or other: its colour.
        parents: Indices of the boxes whose results it takes, in the list it stands in.
        shape: Shape of its result without the batch axis, such as (112, 112, 16).
        outputs: Names of the model's outputs it gives.
    """

    steps: list[str]
    kind: str
    parents: list[int]
    shape: tuple[int | None, ...]
    outputs: list[str] = field(default_factory=list)


@dataclass
class _Step:
    """One call of one operation; `parents` are indices of steps."""

    operation: Any
    parents: list[int]
    shape: tuple[int | None, ...]
    outputs: list[str] = field(default_factory=list)


def boxes_of(model: Any, expand: Collection[str] = ()) -> list[Box]:
    """Boxes of a Functional model, every box after its parents.

    Args:
        model: A Functional `keras.Model`, with any number of inputs and outputs.
        expand: Names of models used as layers whose insides are drawn instead of one box.

    Raises:
        ValueError: The model is not Functional, so it has no graph.
    """
    if not hasattr(model, "_nodes_by_depth"):
        raise ValueError(f"{model.name} is not a Functional model: it has no graph to draw.")
    steps: list[_Step] = []
    made = _walk(model, {}, steps, expand)
    named = model.output if isinstance(model.output, dict) else dict(_named(model.outputs))
    for name, tensor in named.items():
        steps[made[id(tensor)]].outputs.append(name)
    return _collapse(steps)


def _named(tensors: list) -> Iterator[tuple[str, Any]]:
    return ((tensor.name, tensor) for tensor in tensors)


def _walk(
    model: Any, fed: dict[int, int], steps: list[_Step], expand: Collection[str]
) -> dict[int, int]:
    """Append the model's calls to `steps`; return id of a tensor -> index of its step.

    `fed` holds the tensors that an enclosing model feeds to this one's inputs. The nodes by depth
    are Keras's own record of this graph alone: a layer may be called in other graphs too.
    """
    made = dict(fed)
    for depth in sorted(model._nodes_by_depth, reverse=True):
        for node in model._nodes_by_depth[depth]:
            operation = node.operation
            if node.is_input and id(node.output_tensors[0]) in made:
                continue
            parents = [made[id(tensor)] for tensor in node.input_tensors]
            if operation.name in expand and hasattr(operation, "_nodes_by_depth"):
                inner_fed = {id(t): step for t, step in zip(operation.inputs, parents, strict=True)}
                inner = _walk(operation, inner_fed, steps, expand)
                for outside, inside in zip(node.output_tensors, operation.outputs, strict=True):
                    made[id(outside)] = inner[id(inside)]
                continue
            steps.append(_Step(operation, parents, tuple(node.output_tensors[0].shape[1:])))
            made |= {id(tensor): len(steps) - 1 for tensor in node.output_tensors}
    return made


def _collapse(steps: list[_Step]) -> list[Box]:
    """Join the steps of chains and of named blocks."""
    children = [0] * len(steps)
    for step in steps:
        for parent in set(step.parents):
            children[parent] += 1
    boxes: list[Box] = []
    box_of: list[int] = []
    blocks: dict[str, int] = {}
    for step in steps:
        parents = list(dict.fromkeys(box_of[parent] for parent in step.parents))
        match = _BLOCK.match(step.operation.name)
        if match:
            if match[1] not in blocks:
                blocks[match[1]] = len(boxes)
                boxes.append(Box(["MBConv"], "convolution", parents, step.shape))
            index = blocks[match[1]]
            box = boxes[index]
            if type(step.operation).__name__ == "DepthwiseConv2D":
                box.steps = [f"MBConv {_window(step.operation)}"]
        elif _continues(step, steps, children):
            index = parents[0]
            box = boxes[index]
            box.steps += _words(step.operation)
        else:
            index = len(boxes)
            box = Box(_words(step.operation), _kind(step.operation), parents, step.shape)
            boxes.append(box)
        box.shape = step.shape
        box.outputs += step.outputs
        box_of.append(index)
    return boxes


def _continues(step: _Step, steps: list[_Step], children: list[int]) -> bool:
    """Whether the step belongs to the box before it: an only child that is no new idea."""
    if len(step.parents) != 1:
        return False
    parent = steps[step.parents[0]]
    before, now = type(parent.operation).__name__, type(step.operation).__name__
    if children[step.parents[0]] != 1 or parent.outputs or before == "InputLayer":
        return False
    return now in _CONTINUES or (before == "DepthwiseConv2D" and now == "Conv2D")


def _kind(operation: Any) -> str:
    name = type(operation).__name__
    if name == "InputLayer":
        return "input"
    if hasattr(operation, "_nodes_by_depth"):
        return "network"
    if name in _MERGES:
        return "merge"
    if name == "Dense":
        return "dense"
    return "convolution" if "Conv2D" in name else "other"


def _words(operation: Any) -> list[str]:
    """The operation in words; a layer's own activation is a word of its own."""
    name = type(operation).__name__
    if name == "InputLayer":
        return [f"input: {operation.name}"]
    if hasattr(operation, "_nodes_by_depth"):
        return [_readable(operation.name), f"{operation.count_params():,} parameters"]
    if name == "Activation":
        return _activation(operation)
    if name == "Dropout":
        return [f"dropout {operation.rate:g}"]
    if name == "DepthwiseConv2D":
        return [f"depth-wise conv {_window(operation)}", *_activation(operation)]
    if name.startswith("Conv2D"):
        return [f"conv {_window(operation)}, {operation.filters}", *_activation(operation)]
    if name == "Dense":
        return [f"linear {operation.units}", *_activation(operation)]
    if name in ("MaxPooling2D", "AveragePooling2D"):
        return [f"{'max' if name[0] == 'M' else 'average'}-pool {operation.pool_size[0]}"]
    if name == "UpSampling2D":
        return [f"up-sampling x{operation.size[0]}"]
    if name in _MERGES:
        return [f"{_MERGES[name]}: {_readable(operation.name)}"]
    return [_WORDS.get(name) or re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name).lower()]


def _activation(layer: Any) -> list[str]:
    name = getattr(layer.activation, "__name__", type(layer.activation).__name__)
    return [] if name == "linear" else [_ACTIVATIONS.get(name, name)]


def _window(convolution: Any) -> str:
    size = "x".join(str(side) for side in convolution.kernel_size)
    stride = convolution.strides[0]
    return size if stride == 1 else f"{size} / {stride}"


def _readable(name: str) -> str:
    name = re.sub(r"efficientnet_b", "EfficientNet-B", name)
    return name.replace("_", " ")
