"""What is integer in an int8 file, and what stays float."""

from __future__ import annotations

import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from skinnet_keras.export.delegate import inspect_delegation
from skinnet_keras.export.tflite import custom_operators, write_tflite
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.tflite_runner import TFLiteRunner
from skinnet_keras.models import attach_segmenter
from skinnet_keras.models.calibration import calibrate_classifier
from tiny_run import build_classifier, build_segmenter, draw_picture

# From the layer of the logits on.
_HEAD = ("FULLY_CONNECTED", "LOG_SOFTMAX", "MAXIMUM", "SOFTMAX", "TOPK_V2")


def _inputs(count: int, start: int = 0) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(start)
    pictures = [draw_picture(start + i, (32, 32))[0] for i in range(count)]
    return {
        "image": np.stack(pictures).astype(np.float32),
        "metadata": rng.uniform(0, 1, (count, 14)).astype(np.float32),
    }


@pytest.fixture(scope="module")
def model():
    classifier = build_classifier()
    bias = np.linspace(-1, 1, 8)
    classifier.get_layer("diagnosis_logits").bias.assign(bias)
    calibrated = calibrate_classifier(
        classifier, [1.2] * 8, [0.1 * k for k in range(8)], abstention=("margin", 0.3)
    )
    return attach_segmenter(calibrated, build_segmenter())


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    inputs = _inputs(24)
    path = tmp_path_factory.mktemp("int8") / "m.tflite"
    write_tflite(
        model,
        path,
        precision="int8",
        representative=lambda: (
            {name: values[i : i + 1] for name, values in inputs.items()} for i in range(24)
        ),
    )
    return path


def _operators(path) -> list[tuple[str, set[str]]]:
    """Operator, and the types of what it reads and writes."""
    interpreter = Interpreter(
        model_path=str(path),
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
    )
    interpreter.allocate_tensors()
    types = {d["index"]: np.dtype(d["dtype"]).name for d in interpreter.get_tensor_details()}
    return [
        (node["op_name"], {types[t] for t in (*node["inputs"], *node["outputs"]) if t in types})
        for node in interpreter._get_ops_details()
    ]


def test_network_is_integer_and_head_is_float(file):
    operators = _operators(file)
    for name, types in operators:
        if name == "CONV_2D":
            assert types == {"int8", "int32"}
        if name in _HEAD:
            assert "int8" not in types, name
    assert {name for name, _ in operators} >= set(_HEAD)
    # Of abstention; the mask's threshold has one more, which may be an integer one.
    assert sum(name == "SUB" and "int8" not in types for name, types in operators) >= 2
    assert custom_operators(file.read_bytes()) == []


def test_inputs_and_outputs_are_float32_by_name(file):
    signature = Interpreter(model_path=str(file)).get_signature_runner("serving_default")
    inputs, outputs = signature.get_input_details(), signature.get_output_details()
    assert set(inputs) == {"image", "metadata"}
    assert set(outputs) == {"diagnosis", "mask", "abstain"}
    assert all(d["dtype"] is np.float32 for d in [*inputs.values(), *outputs.values()])


def test_other_images_get_nearly_the_same_answers(file, model):
    inputs = _inputs(16, start=100)
    expected, found = KerasRunner(model).predict(inputs), TFLiteRunner(file).predict(inputs)
    np.testing.assert_allclose(found["diagnosis"], expected["diagnosis"], atol=0.06)
    np.testing.assert_allclose(found["diagnosis"].sum(axis=1), 1, atol=1e-5)
    assert np.mean((found["mask"] >= 0.5) != (expected["mask"] >= 0.5)) < 0.01
    assert np.abs(found["diagnosis"] - expected["diagnosis"]).max() > 0


def test_images_go_with_int8_only(model, tmp_path):
    for precision, representative in (("int8", None), ("float32", lambda: ())):
        with pytest.raises(ValueError, match="representative images go with int8"):
            write_tflite(model, tmp_path / "m", precision=precision, representative=representative)


def test_delegation_counts_pieces_and_what_lies_between(model, tmp_path):
    write_tflite(model, tmp_path / "m.tflite", precision="float32")
    found = inspect_delegation(tmp_path / "m.tflite")
    # Of the head what XNNPACK has no kernels for.
    assert set(found.left) == {"LOG_SOFTMAX", "TOPK_V2"}
    write_tflite(build_classifier(), tmp_path / "c.tflite", precision="float32")
    alone = inspect_delegation(tmp_path / "c.tflite")
    assert (alone.partitions, alone.left) == (1, ())
