"""ONNX files for other runtimes: float32, any batch, inputs and outputs by the model's names."""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras

from skinnet_keras.errors import UserError
from skinnet_keras.export.savedmodel import write_savedmodel
from skinnet_keras.inference.calling import model_outputs
from skinnet_keras.inference.onnx_packages import EXPORTING, require_onnx
from skinnet_keras.inference.signature_names import SIGNATURE

OPSET = 17
"""Version of the ONNX operators: read by ONNX Runtime from 1.12 (2022) on."""


def write_onnx(model: keras.Model, path: Path) -> None:
    """Convert a model to one `.onnx` file of the operators of `OPSET`.

    Its images are (B, H, W, C) as the model's, and its first dimension is called `batch`.

    Args:
        model: A Functional model with float32 inputs and outputs; needs the TensorFlow backend.
        path: File to write.

    Raises:
        UserError: An ONNX package is missing, the model needs an operator that ONNX lacks, or the
            converted model has other inputs or outputs than this one.
    """
    require_onnx(EXPORTING)
    graph = _convert(model)
    for tensor in (*graph.graph.input, *graph.graph.output):
        tensor.type.tensor_type.shape.dim[0].dim_param = "batch"
    check_declared(graph, model)
    _check_valid(graph, model)
    path.write_bytes(graph.SerializeToString())


def check_declared(graph: Any, model: keras.Model) -> None:
    """Refuse an ONNX model whose inputs and outputs are not exactly those of the Keras model.

    (Constants that a converter leaves outside the graph would become inputs that nobody knows.)

    Args:
        graph: An `onnx.ModelProto`.
        model: The Keras model it was made from.

    Raises:
        UserError: A name, a shape or a type differs.
    """
    declared = {
        "inputs": {tensor.name: tuple(tensor.shape[1:]) for tensor in model.inputs},
        "outputs": {name: tuple(value.shape[1:]) for name, value in model_outputs(model).items()},
    }
    found = {"inputs": _shapes(graph.graph.input), "outputs": _shapes(graph.graph.output)}
    for kind in declared:
        if found[kind] != declared[kind]:
            raise UserError(
                f"The model {model.name!r} cannot be exported to ONNX: its {kind} would be "
                f"{found[kind]} instead of {declared[kind]}."
            )


def _convert(model: keras.Model) -> Any:
    from tf2onnx.convert import from_graph_def
    from tf2onnx.tf_loader import from_saved_model

    with tempfile.TemporaryDirectory() as folder, _quiet("tf2onnx", "tensorflow"):
        write_savedmodel(model, Path(folder))
        # No names given: those of the signature, which the graph's own are renamed to.
        graph, inputs, outputs, names = from_saved_model(
            folder, None, None, tag="serve", signatures=[SIGNATURE], return_tensors_to_rename=True
        )
        converted, _ = from_graph_def(
            graph,
            name=model.name,
            input_names=inputs,
            output_names=outputs,
            opset=OPSET,
            tensors_to_rename=names,
        )
    return converted


@contextmanager
def _quiet(*names: str) -> Iterator[None]:
    """Silence loggers: of deprecated calls, and of operators that `_check_valid` names at once."""
    loggers = [logging.getLogger(name) for name in names]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)


def _check_valid(graph: Any, model: keras.Model) -> None:
    import onnx

    known = {schema.name for schema in onnx.defs.get_all_schemas()}
    foreign = sorted({n.op_type for n in graph.graph.node if n.domain or n.op_type not in known})
    if foreign:
        raise UserError(
            f"The model {model.name!r} cannot be exported to ONNX: it needs operators that ONNX "
            f"does not have ({', '.join(foreign)})."
        )
    onnx.checker.check_model(graph, full_check=True)


def _shapes(tensors: Any) -> dict[str, tuple[int | None, ...] | str]:
    """Name -> shape without the batch; what is not float32 is named by its type."""
    import onnx

    shapes: dict[str, tuple[int | None, ...] | str] = {}
    for tensor in tensors:
        kind = tensor.type.tensor_type
        if kind.elem_type != onnx.TensorProto.FLOAT:
            shapes[tensor.name] = onnx.TensorProto.DataType.Name(kind.elem_type)
            continue
        sizes = [dim.dim_value if dim.HasField("dim_value") else None for dim in kind.shape.dim]
        shapes[tensor.name] = tuple(sizes[1:])
    return shapes
