"""What LiteRT's delegate takes of a file."""

from __future__ import annotations

import keras
import numpy as np
import pytest
from keras import ops

from skinnet_keras.errors import UserError
from skinnet_keras.export.delegate import Delegation, divide, inspect_delegation
from skinnet_keras.export.tflite import write_tflite
from skinnet_keras.models import attach_segmenter, build_segmenter
from tiny_run import build_classifier


def node(name, inputs, outputs):
    return {"op_name": name, "inputs": np.array(inputs), "outputs": np.array(outputs)}


def test_operators_between_the_borders_of_a_partition_are_taken():
    nodes = [
        node("CONV_2D", [0, 100], [1]),
        node("RELU", [1], [2]),
        node("TILE", [2, 101], [3]),
        node("MUL", [3, 2], [4]),
        node("CAST", [4], [5]),
        node("DELEGATE", [0, 100], [2]),
        node("DELEGATE", [3, 2], [4]),
    ]
    assert divide(nodes) == Delegation(partitions=2, taken=3, left=("TILE", "CAST"))


def test_without_a_delegate_everything_is_left():
    assert divide([node("TILE", [0], [1])]) == Delegation(0, 0, ("TILE",))


def test_what_the_delegate_does_not_have_is_found(tmp_path):
    image = keras.Input((8, 8, 3), name="image")
    hard = ops.cast(keras.layers.Conv2D(3, 1)(image) >= 0.5, "float32")
    outputs = {"y": keras.layers.Conv2D(2, 1)(hard)}
    write_tflite(keras.Model({"image": image}, outputs), tmp_path / "m.tflite", precision="float32")
    found = inspect_delegation(tmp_path / "m.tflite")
    assert found.partitions == 2
    assert found.left == ("GREATER_EQUAL", "CAST")


def test_the_end_to_end_model_is_one_partition(tmp_path):
    segmenter = build_segmenter("split_attention_unet", image_size=32, widths=(4, 8))
    model = attach_segmenter(build_classifier(), segmenter)
    write_tflite(model, tmp_path / "m.tflite", precision="float32")
    found = inspect_delegation(tmp_path / "m.tflite")
    assert (found.partitions, found.left) == (1, ())
    assert found.taken > 20


def test_another_file_is_named(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"nothing")
    with pytest.raises(UserError, match=r"m\.tflite is not a TFLite model"):
        inspect_delegation(tmp_path / "m.tflite")
