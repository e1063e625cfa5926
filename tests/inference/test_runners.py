"""Opening models of every format and predicting batches of any size."""

from __future__ import annotations

import json
import shutil

import keras
import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.taxonomy import CLASSES, LABELS
from tiny_run import build_classifier, build_segmenter, make_run


def _batch(count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    return {
        "image": rng.integers(0, 256, (count, 32, 32, 3)).astype(np.uint8),
        "mask": rng.integers(0, 2, (count, 32, 32, 1)).astype(np.uint8),
        "metadata": rng.uniform(0, 1, (count, 14)),
    }


def test_batches_larger_than_the_runners_own_are_joined_in_order():
    runner = KerasRunner(build_classifier())
    batch = _batch(53)  # six full batches, of which the last two are compiled, and a rest
    joined = runner.predict(batch)["diagnosis"]
    assert joined.shape == (53, 8)
    assert joined.dtype == np.float32
    for row in (20, 44, 52):
        one = {name: values[row : row + 1] for name, values in batch.items()}
        alone = runner.predict(one)["diagnosis"]
        np.testing.assert_allclose(joined[row : row + 1], alone, atol=1e-6)


def test_run_opens_end_to_end_where_it_has_a_segmenter(tiny_run):
    runner = open_runner(tiny_run)
    assert runner.input_names == ("image", "metadata")
    assert set(runner.output_names) == {"diagnosis", "mask"}
    assert (runner.format, runner.image_size, runner.classes) == ("keras", 32, CLASSES)
    assert runner.num_threads is None


def test_run_uses_the_threshold_of_its_config(tmp_path):
    run = make_run(tmp_path)
    config = run / "config.yaml"
    config.write_text(config.read_text().replace("threshold: 0.5", "threshold: 0.25"))
    runner = open_runner(run)
    assert runner.mask_threshold == 0.25
    assert runner.model.get_layer("hard_mask").threshold == 0.25


def test_run_without_segmenter_is_its_bare_classifier(tmp_path):
    runner = open_runner(make_run(tmp_path, variant="v1", segmenter=False))
    assert set(runner.input_names) == {"image", "metadata"}
    assert runner.output_names == ("diagnosis",)


def test_unfinished_run_and_segmenter_of_another_size(tmp_path):
    run = make_run(tmp_path)
    build_segmenter(size=48).save(run / "segmenter.keras")
    with pytest.raises(UserError, match="build both at one size"):
        open_runner(run)
    (run / "best.keras").unlink()
    with pytest.raises(UserError, match=r"is not a finished run: it has no best\.keras"):
        open_runner(run)


def test_segmenter_file_has_no_classes(tiny_run):
    runner = open_runner(tiny_run / "segmenter.keras")
    assert runner.input_names == ("image",)
    assert runner.output_names == ("mask_logits",)
    assert runner.classes == ()


def test_model_with_one_unnamed_tensor_is_called_by_its_layers_names(tmp_path):
    image = keras.Input((32, 32, 3), name="image")
    pooled = keras.layers.GlobalAveragePooling2D()(image)
    keras.Model(image, keras.layers.Dense(9, name="diagnosis")(pooled)).save(tmp_path / "m.keras")
    runner = open_runner(tmp_path / "m.keras")
    assert runner.predict(_batch(2))["diagnosis"].shape == (2, 9)
    assert runner.classes == LABELS


def test_tflite_alone_takes_the_default_classes_and_metadata_beside_it_wins(tiny_export, tmp_path):
    source = tiny_export.directory / "tiny_v2_classifier_float32.tflite"
    shutil.copy(source, tmp_path / "m.tflite")
    runner = open_runner(tmp_path / "m.tflite", num_threads=1)
    assert (runner.format, runner.num_threads, runner.classes) == ("tflite", 1, CLASSES)
    sidecar = tmp_path / "metadata.json"
    sidecar.write_text(json.dumps({"classes": list("hgfedcba"), "mask_threshold": 0.3}))
    runner = open_runner(tmp_path / "m.tflite")
    assert runner.classes == tuple("hgfedcba")
    assert runner.mask_threshold == 0.3
    sidecar.write_text(json.dumps({"classes": ["a", "b"], "mask_threshold": 0.3}))
    with pytest.raises(UserError, match=r"names 2 classes, but .* gives 8 probabilities"):
        open_runner(tmp_path / "m.tflite")
    sidecar.write_text("{}")
    with pytest.raises(UserError, match=r"metadata\.json is damaged"):
        open_runner(tmp_path / "m.tflite")


def test_what_is_no_model_gives_one_sentence(tmp_path):
    with pytest.raises(UserError, match="holds no model"):
        open_runner(tmp_path)
    with pytest.raises(UserError, match="holds no model"):
        open_runner(tmp_path / "absent")
    with pytest.raises(UserError, match=r"absent\.keras is not a file"):
        open_runner(tmp_path / "absent.keras")
    (tmp_path / "broken.tflite").write_bytes(b"TFL3 nothing")
    with pytest.raises(UserError, match=r"broken\.tflite is not a TFLite model"):
        open_runner(tmp_path / "broken.tflite")
    (tmp_path / "1").mkdir()
    (tmp_path / "1" / "saved_model.pb").write_bytes(b"\xff\xff")
    with pytest.raises(UserError, match="is not a SavedModel with the signature"):
        open_runner(tmp_path)


def test_image_size_of_a_model_without_a_square_image_is_refused():
    vector = keras.Input((4,), name="metadata")
    runner = KerasRunner(keras.Model(vector, keras.layers.Dense(2, name="diagnosis")(vector)))
    with pytest.raises(UserError, match="no input 'image'"):
        _ = runner.image_size
