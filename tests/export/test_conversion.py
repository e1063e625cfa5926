"""SavedModel and TFLite files as such: names, batch, operators, precision."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from ai_edge_litert.interpreter import Interpreter

from skinnet_keras.errors import UserError
from skinnet_keras.export.float32 import float32_model
from skinnet_keras.export.savedmodel import next_version, write_savedmodel
from skinnet_keras.export.tflite import custom_operators, write_tflite
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.tflite_runner import TFLiteRunner
from skinnet_keras.inference.versions import latest_version
from tiny_run import build_classifier


def _batch(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "image": rng.uniform(0, 255, (count, 32, 32, 3)),
        "mask": rng.integers(0, 2, (count, 32, 32, 1)),
        "metadata": rng.uniform(0, 1, (count, 14)),
    }


@keras.saving.register_keras_serializable("tests")
class _Cholesky(keras.layers.Layer):
    """An operator TFLite has no kernel for."""

    def call(self, inputs):
        x = keras.ops.transpose(inputs, (0, 3, 1, 2))
        product = keras.ops.matmul(x, keras.ops.transpose(x, (0, 1, 3, 2)))
        return keras.ops.cholesky(product + 1e3 * keras.ops.eye(32))


def _cholesky_model() -> keras.Model:
    image = keras.Input((32, 32, 3), name="image")
    x = keras.layers.Flatten(name="diagnosis")(_Cholesky()(image))
    return keras.Model({"image": image}, {"diagnosis": x}, name="odd")


@pytest.mark.parametrize("precision", ["float32", "float16"])
def test_tflite_has_a_static_batch_of_one_and_float32_tensors_by_name(tmp_path, precision):
    write_tflite(build_classifier(), tmp_path / "m.tflite", precision=precision)
    interpreter = Interpreter(model_path=str(tmp_path / "m.tflite"))
    assert list(interpreter.get_signature_list()) == ["serving_default"]
    signature = interpreter.get_signature_runner("serving_default")
    inputs, outputs = signature.get_input_details(), signature.get_output_details()
    assert {name: tuple(d["shape_signature"]) for name, d in inputs.items()} == {
        "image": (1, 32, 32, 3),
        "mask": (1, 32, 32, 1),
        "metadata": (1, 14),
    }
    assert {name: tuple(d["shape_signature"]) for name, d in outputs.items()} == {
        "diagnosis": (1, 8)
    }
    assert all(d["dtype"] is np.float32 for d in [*inputs.values(), *outputs.values()])
    stored = {detail["dtype"] for detail in interpreter.get_tensor_details()}
    assert (np.float16 in stored) == (precision == "float16")
    assert custom_operators((tmp_path / "m.tflite").read_bytes()) == []


def test_operators_that_are_not_built_in_are_refused(tmp_path):
    with pytest.raises(UserError, match=r"'odd' cannot be converted.*tf\.Cholesky"):
        write_tflite(_cholesky_model(), tmp_path / "m.tflite", precision="float32")
    assert not (tmp_path / "m.tflite").exists()


def test_flex_operators_are_found_in_a_file(tmp_path):
    import tensorflow as tf

    write_savedmodel(_cholesky_model(), tmp_path / "sm", batch_size=1)
    converter = tf.lite.TFLiteConverter.from_saved_model(str(tmp_path / "sm"))
    converter.target_spec.supported_ops = [
        tf.lite.OpsSet.TFLITE_BUILTINS,
        tf.lite.OpsSet.SELECT_TF_OPS,
    ]
    assert custom_operators(converter.convert()) == ["FlexCholesky"]


def test_unknown_precision_is_refused(tmp_path):
    with pytest.raises(ValueError, match="unknown precision 'int4'"):
        write_tflite(build_classifier(), tmp_path / "m.tflite", precision="int4")


def test_savedmodel_takes_any_batch_by_name(tmp_path):
    model = build_classifier()
    write_savedmodel(model, tmp_path / "1")
    runner = SavedModelRunner(tmp_path / "1")
    assert set(runner.input_names) == {"image", "mask", "metadata"}
    assert runner.output_names == ("diagnosis",)
    for count in (1, 5):
        np.testing.assert_allclose(
            runner.predict(_batch(count))["diagnosis"],
            KerasRunner(model).predict(_batch(count))["diagnosis"],
            atol=1e-6,
        )


def test_versions_are_counted_as_numbers(tmp_path):
    assert next_version(tmp_path / "absent") == 1
    for version in ("2", "10", "notes"):
        (tmp_path / "a" / version).mkdir(parents=True)
    assert next_version(tmp_path / "a", tmp_path / "b") == 11
    assert latest_version(tmp_path / "a") is None
    for version in ("2", "10"):
        (tmp_path / "a" / version / "saved_model.pb").touch()
    assert latest_version(tmp_path / "a") == tmp_path / "a" / "10"


def test_mixed_precision_model_is_exported_in_float32(tmp_path):
    mixed = build_classifier(dtype="mixed_float16")
    plain = float32_model(mixed)
    assert {layer.compute_dtype for layer in plain.layers} == {"float32"}
    assert "float16" in {layer.compute_dtype for layer in mixed.layers}
    write_tflite(plain, tmp_path / "m.tflite", precision="float32")
    np.testing.assert_allclose(
        TFLiteRunner(tmp_path / "m.tflite").predict(_batch(2))["diagnosis"],
        KerasRunner(mixed).predict(_batch(2))["diagnosis"],
        atol=2e-2,
    )
    assert float32_model(plain) is plain


def test_mixed_precision_inside_a_nested_model_is_replaced_too():
    inner = build_classifier(dtype="mixed_float16")
    inputs = {
        tensor.name: keras.Input(tensor.shape[1:], name=tensor.name) for tensor in inner.inputs
    }
    outer = keras.Model(inputs, inner(inputs))
    copy = float32_model(outer)
    nested = next(layer for layer in copy.layers if isinstance(layer, keras.Model))
    assert {layer.compute_dtype for layer in nested.layers} == {"float32"}
