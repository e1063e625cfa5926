"""ONNX files as such: names, batch, operators, and what is refused."""

from __future__ import annotations

import importlib.util
import subprocess
import sys

import keras
import numpy as np
import onnx
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.export.onnx import OPSET, check_declared, write_onnx
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.models import attach_segmenter
from tiny_run import build_classifier, build_segmenter


def _batch(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "image": rng.uniform(0, 255, (count, 32, 32, 3)),
        "metadata": rng.uniform(0, 1, (count, 14)),
    }


@pytest.fixture(scope="module")
def model():
    return attach_segmenter(build_classifier(), build_segmenter())


@pytest.fixture(scope="module")
def file(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "m.onnx"
    write_onnx(model, path)
    return path


def test_file_states_its_opset_and_takes_any_batch_of_images_by_name(file):
    graph = onnx.load(file)
    assert [(entry.domain, entry.version) for entry in graph.opset_import if not entry.domain] == [
        ("", OPSET)
    ]
    assert {node.domain for node in graph.graph.node} == {""}
    shapes = {
        tensor.name: [d.dim_param or d.dim_value for d in tensor.type.tensor_type.shape.dim]
        for tensor in (*graph.graph.input, *graph.graph.output)
    }
    assert shapes == {
        "image": ["batch", 32, 32, 3],
        "metadata": ["batch", 14],
        "diagnosis": ["batch", 8],
        "mask": ["batch", 32, 32, 1],
    }


def test_onnx_runtime_computes_what_keras_computes(file, model):
    runner = open_runner(file, num_threads=1)
    assert (runner.format, runner.num_threads, runner.image_size) == ("onnx", 1, 32)
    assert set(runner.input_names) == {"image", "metadata"}
    expected = KerasRunner(model).predict(_batch(11))
    outputs = runner.predict(_batch(11))
    assert set(outputs) == {"diagnosis", "mask"}
    for name, values in outputs.items():
        np.testing.assert_allclose(values, expected[name], atol=1e-6)


def test_inputs_that_nobody_declared_are_refused(file, model):
    graph = onnx.load(file)
    check_declared(graph, model)
    leaked = onnx.helper.make_tensor_value_info("mean", onnx.TensorProto.FLOAT, [1, 3])
    graph.graph.input.append(leaked)
    with pytest.raises(UserError, match=r"its inputs would be .*'mean': \(3,\).* instead of"):
        check_declared(graph, model)
    del graph.graph.input[-1]
    graph.graph.output[0].type.tensor_type.elem_type = onnx.TensorProto.DOUBLE
    with pytest.raises(UserError, match=r"its outputs would be .*DOUBLE"):
        check_declared(graph, model)


@keras.saving.register_keras_serializable("tests")
class _Determinant(keras.layers.Layer):
    """An operator ONNX has no counterpart of."""

    def call(self, inputs):
        return keras.ops.sum(keras.ops.qr(inputs[..., 0])[1], axis=(1, 2))[:, None]


def test_operators_that_onnx_lacks_are_named(tmp_path):
    image = keras.Input((32, 32, 3), name="image")
    odd = keras.Model({"image": image}, {"diagnosis": _Determinant()(image)}, name="odd")
    with pytest.raises(UserError, match=r"'odd' cannot be exported to ONNX: .*\(Qr\)"):
        write_onnx(odd, tmp_path / "m.onnx")
    assert not (tmp_path / "m.onnx").exists()


def test_missing_packages_give_one_sentence(model, tmp_path, monkeypatch):
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "onnx" in name else find_spec(name)
    )
    sentence = r"ONNX needs onnx and tf2onnx and onnxruntime, which .*skinnet-keras\[onnx\]"
    with pytest.raises(UserError, match=sentence):
        write_onnx(model, tmp_path / "m.onnx")


def test_file_runs_without_tensorflow(model, tmp_path):
    write_onnx(model, tmp_path / "m.onnx")
    code = (
        "import sys; from skinnet_keras.inference.runners import open_runner; "
        f"open_runner({str(tmp_path / 'm.onnx')!r}); "
        "print(*sorted({'tensorflow', 'keras', 'pandas', 'tf2onnx'} & {*sys.modules}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


@pytest.mark.parametrize("content", [b"", b"no model", b"\x08\x08\x12\x00"])
def test_broken_file_gives_one_sentence(tmp_path, content):
    (tmp_path / "m.onnx").write_bytes(content)
    with pytest.raises(UserError, match=r"m\.onnx is not an ONNX model that ONNX Runtime can run"):
        open_runner(tmp_path / "m.onnx")
