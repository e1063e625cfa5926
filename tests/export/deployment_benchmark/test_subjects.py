"""Which artefacts are found, in which order, and what is said where there are none."""

from __future__ import annotations

import pytest

from skinnet_keras.config import Config, dump_config
from skinnet_keras.errors import UserError
from skinnet_keras.export.deployment_benchmark.subjects import find_subjects


def make_export(root, files=("m_end_to_end_int8.tflite",)):
    for file in files:
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 10)
    return root


def make_run(root, *, files=("best.keras",), **config):
    root.mkdir()
    values = {"name": "r", "image_size": 32, "model": {"variant": "v1"}, "stages": {"cnn": {}}}
    values["stages"] = {"cnn": {"epochs": 1}}
    parsed = Config.model_validate(values | config)
    (root / "config.yaml").write_text(dump_config(parsed))
    (root / "environment.json").write_text("{}")
    for file in files:
        (root / file).write_bytes(b"k" * 7)
    return root


def test_everything_of_an_export_by_kind_format_precision_and_threads(tmp_path):
    export = make_export(
        tmp_path / "m",
        (
            "m_end_to_end_int8.tflite",
            "m_end_to_end_float16.tflite",
            "m_end_to_end_float32.tflite",
            "m_end_to_end_float32.onnx",
            "m_classifier_float32.tflite",
            "end_to_end/9/saved_model.pb",
            "end_to_end/10/saved_model.pb",
            "end_to_end/10/variables/data",
            "end_to_end/11/half",
            "metadata.json",
            "notes_classifier_float32.txt",
        ),
    )
    found = find_subjects(export, threads=[2, 1])
    assert [(s.kind, s.label) for s in found] == [
        ("classifier", "TFLite float32, 1 thread"),
        ("classifier", "TFLite float32, 2 threads"),
        ("end_to_end", "SavedModel, 2 threads"),
        ("end_to_end", "TFLite float32, 1 thread"),
        ("end_to_end", "TFLite float32, 2 threads"),
        ("end_to_end", "TFLite float16, 1 thread"),
        ("end_to_end", "TFLite float16, 2 threads"),
        ("end_to_end", "TFLite int8, 1 thread"),
        ("end_to_end", "TFLite int8, 2 threads"),
        ("end_to_end", "ONNX Runtime float32, 1 thread"),
        ("end_to_end", "ONNX Runtime float32, 2 threads"),
    ]
    assert found[2].path == export / "end_to_end" / "10"
    assert (found[2].size(), found[3].size()) == (20, 10)


def test_a_run_has_keras_rows_and_its_export_stands_beside_them(tmp_path):
    run = make_run(tmp_path / "run", files=("best.keras", "segmenter.keras"))
    export = make_export(tmp_path / "m")
    found = find_subjects(run, export, threads=[3])
    assert [(s.kind, s.label) for s in found] == [
        ("classifier", "Keras, 3 threads"),
        ("end_to_end", "Keras, 3 threads"),
        ("end_to_end", "TFLite int8, 3 threads"),
    ]
    assert [s.path for s in found[:2]] == [run / "best.keras", run]
    assert [s.size() for s in found[:2]] == [7, 14]
    only = find_subjects(run, export, threads=[3], kinds=["classifier"])
    assert [s.label for s in only] == ["Keras, 3 threads"]


def test_a_run_of_a_segmentation_network(tmp_path):
    stages = {"segmentation": {"epochs": 1}}
    run = make_run(tmp_path / "run", model=None, segmenter={"name": "unet"}, stages=stages)
    assert [s.kind for s in find_subjects(run)] == ["segmenter"]


def test_mistakes(tmp_path):
    export = make_export(tmp_path / "m")
    with pytest.raises(UserError, match="holds no model of the kind classifier: end_to_end"):
        find_subjects(export, kinds=["classifier"])
    with pytest.raises(UserError, match=r"--export goes with a run, and .*m is not a run"):
        find_subjects(export, export)
    for nothing in (tmp_path, tmp_path / "absent"):
        with pytest.raises(UserError, match="neither a run directory nor an exported model"):
            find_subjects(nothing)
    with pytest.raises(UserError, match=r"is not a finished run: it has no best\.keras"):
        find_subjects(make_run(tmp_path / "unfinished", files=()))
