"""Exporting a run: the layout, what is written down, and that a failed export leaves nothing."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest

from abstaining_run import make_abstaining_run
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.export import artefacts
from skinnet_keras.export.artefacts import FORMATS
from skinnet_keras.export.bundle import export_run
from skinnet_keras.export.parity import MAX_MASK_DISAGREEMENT
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.taxonomy import CLASSES
from tiny_run import build_classifier, draw_picture, make_run

ARTEFACTS = [
    "classifier/1",
    "end_to_end/1",
    "tiny_v2_classifier_float32.tflite",
    "tiny_v2_classifier_float16.tflite",
    "tiny_v2_end_to_end_float32.tflite",
    "tiny_v2_end_to_end_float16.tflite",
    "tiny_v2_classifier_float32.onnx",
    "tiny_v2_end_to_end_float32.onnx",
]


def _inputs(count: int = 3) -> dict[str, np.ndarray]:
    pictures = [draw_picture(100 + i, (32, 32)) for i in range(count)]
    return {
        "image": np.stack([rgb for rgb, _ in pictures]),
        "mask": np.stack([mask[..., None] for _, mask in pictures]),
        "metadata": np.stack([MetadataEncoder().encode(40 + i, "male", "") for i in range(count)]),
    }


def test_every_artefact_lies_where_serving_and_apps_look(tiny_export):
    assert [result.artefact for result in tiny_export.parity] == ARTEFACTS
    assert tiny_export.directory.name == "tiny_v2"
    for kind in ("classifier", "end_to_end"):
        assert (tiny_export.directory / kind / "1" / "saved_model.pb").is_file()
    assert {path.name for path in (tiny_export.directory / "serving").iterdir()} == {
        *("models.config", "batching.config", "compose.yaml"),
    }
    assert not [path for path in tiny_export.directory.iterdir() if path.name.startswith(".")]


@pytest.mark.parametrize("artefact", ARTEFACTS)
def test_artefact_predicts_what_the_run_predicts(tiny_run, tiny_export, artefact):
    inputs = _inputs()
    run = tiny_run if "end_to_end" in artefact else tiny_run / "best.keras"
    expected = open_runner(run).predict(inputs)
    runner = open_runner(tiny_export.directory / artefact)

    outputs = runner.predict(inputs)

    tolerance = 5e-3 if "float16" in artefact else 1e-5
    assert set(outputs) == set(expected)
    np.testing.assert_allclose(outputs["diagnosis"], expected["diagnosis"], atol=tolerance)
    np.testing.assert_allclose(outputs["diagnosis"].sum(axis=1), 1, atol=1e-5)
    if "mask" in expected:
        np.testing.assert_allclose(outputs["mask"], expected["mask"], atol=10 * tolerance)
    assert runner.image_size == 32
    assert runner.classes == CLASSES


def test_parity_report_holds_the_measured_differences(tiny_export):
    written = json.loads((tiny_export.directory / "parity.json").read_text())
    assert list(written) == ARTEFACTS
    for result in tiny_export.parity:
        assert result.images == 12
        assert 0 <= result.max_difference <= result.tolerance
        assert result.variation > 1e-3
        assert written[result.artefact]["max_difference"] == result.max_difference
        if result.kind == "classifier":
            assert result.mask_disagreement is result.logit_difference is None
        else:
            assert 0 <= result.logit_difference <= result.tolerance
            assert result.mask_disagreement <= MAX_MASK_DISAGREEMENT
    float16 = [result for result in tiny_export.parity if result.precision == "float16"]
    assert all(result.max_difference > 0 for result in float16)


def test_metadata_tells_a_developer_everything(tiny_export):
    metadata = json.loads((tiny_export.directory / "metadata.json").read_text())
    assert metadata["classes"] == list(CLASSES)
    assert metadata["image_size"] == 32
    assert metadata["mask_threshold"] == 0.5
    assert len(metadata["metadata_layout"]) == 14
    assert "not a medical device" in metadata["intended_use"].lower()
    end_to_end = metadata["models"]["end_to_end"]
    inputs = {tensor["name"]: tensor for tensor in end_to_end["inputs"]}
    assert list(inputs) == ["image", "metadata"]
    assert inputs["image"]["shape"] == [None, 32, 32, 3]
    assert (inputs["image"]["minimum"], inputs["image"]["maximum"]) == (0, 255)
    assert [tensor["name"] for tensor in end_to_end["outputs"]] == ["diagnosis", "mask"]
    copy = tiny_export.directory / "end_to_end" / "1" / "assets.extra" / "metadata.json"
    artefacts = metadata.pop("artefacts")
    assert json.loads(copy.read_text()) == metadata
    assert list(artefacts) == ARTEFACTS
    assert artefacts["tiny_v2_end_to_end_float32.onnx"] == {
        "format": "onnx",
        "kind": "end_to_end",
        "precision": "float32",
        "opset": 17,
    }
    delegation = artefacts["tiny_v2_end_to_end_float32.tflite"]["delegation"]
    assert (delegation["partitions"], delegation["left"]) == (1, [])
    assert delegation["taken"] >= 10


def test_checksums_cover_every_file(tiny_export):
    lines = (tiny_export.directory / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ", 1)) for line in lines)
    files = {
        path.relative_to(tiny_export.directory).as_posix()
        for path in tiny_export.directory.rglob("*")
        if path.is_file() and path.name != "SHA256SUMS"
    }
    assert set(sums) == files
    content = (tiny_export.directory / ARTEFACTS[3]).read_bytes()
    assert sums[ARTEFACTS[3]] == hashlib.sha256(content).hexdigest()


def test_second_export_is_a_new_version_and_the_parent_opens_the_highest(tiny_run, tmp_path):
    for _ in range(2):
        report = export_run(tiny_run, tmp_path, formats=["savedmodel"], name="twice")
    assert [result.artefact for result in report.parity] == ["classifier/2", "end_to_end/2"]
    assert set(json.loads((report.directory / "parity.json").read_text())) == {
        "classifier/1",
        "classifier/2",
        "end_to_end/1",
        "end_to_end/2",
    }
    newest = report.directory / "classifier" / "2" / "assets.extra" / "metadata.json"
    content = json.loads(newest.read_text())
    newest.write_text(json.dumps({**content, "classes": list("abcdefgh")}))
    assert open_runner(report.directory / "classifier").classes == tuple("abcdefgh")


def test_run_without_mask_or_segmenter(tmp_path):
    bare = make_run(tmp_path / "bare", variant="v1", segmenter=False)
    report = export_run(bare, tmp_path / "out", formats=["savedmodel"])
    assert [result.artefact for result in report.parity] == ["classifier/1"]
    with_segmenter = make_run(tmp_path / "full", variant="v1")
    report = export_run(
        with_segmenter, tmp_path / "out", formats=["tflite"], precisions=["float32"]
    )
    runner = open_runner(report.directory / "tiny_v1_end_to_end_float32.tflite")
    assert set(runner.input_names) == {"image", "metadata"}
    assert set(runner.output_names) == {"diagnosis", "mask"}


def test_nearly_constant_model_is_refused_and_nothing_is_written(tmp_path):
    run = make_run(tmp_path, classifier=build_classifier(spread=1e-5))
    with pytest.raises(UserError, match=r"nearly constant.*train it longer"):
        export_run(run, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_artefact_that_computes_something_else_is_refused_and_nothing_is_written(
    tiny_run, tmp_path, monkeypatch
):
    def convert_another_model(model, path, *, precision, representative):
        write_tflite(build_classifier(spread=2.0), path, precision=precision)

    write_tflite = artefacts.write_tflite
    monkeypatch.setattr(artefacts, "write_tflite", convert_another_model)
    with pytest.raises(UserError, match=r"classifier_float32\.tflite is not kept"):
        export_run(tiny_run, tmp_path / "out", precisions=["float32"])
    assert not (tmp_path / "out").exists()


def test_tflite_files_of_other_weights_do_not_get_new_metadata(tiny_run, tmp_path):
    other = make_run(tmp_path / "other", classifier=build_classifier(spread=2.0))
    export_run(tiny_run, tmp_path / "out", formats=["tflite"], precisions=["float32"], name="m")
    with pytest.raises(UserError, match="was exported from other weights"):
        export_run(other, tmp_path / "out", formats=["savedmodel"], name="m")
    assert not (tmp_path / "out" / "m" / "classifier").exists()
    export_run(other, tmp_path / "out", formats=["tflite"], precisions=["float32"], name="m")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"formats": ["savedmodel", "h5"]}, "format 'h5' is not known: .*savedmodel, tflite, onnx"),
        ({"formats": []}, "No format is given"),
        ({"precisions": ["int4"]}, "precision 'int4' is not known: .*float32, float16, int8"),
        ({"name": "../up"}, "cannot name an exported model"),
    ],
)
def test_bad_choices_give_one_sentence(tiny_run, tmp_path, arguments, message):
    with pytest.raises(UserError, match=message):
        export_run(tiny_run, tmp_path, **arguments)


def test_onnx_file_of_other_weights_does_not_get_new_metadata(tiny_run, tmp_path):
    other = make_run(tmp_path / "other", classifier=build_classifier(spread=2.0))
    export_run(tiny_run, tmp_path / "out", formats=["onnx"], name="m")
    with pytest.raises(UserError, match=r"m_classifier_float32\.onnx was exported from other weig"):
        export_run(other, tmp_path / "out", formats=["savedmodel"], name="m")


def test_calibrated_model_abstains_in_every_format(tiny_run, tmp_path):
    certainty = open_runner(tiny_run).predict(_inputs(12))["diagnosis"].max(axis=1)
    run = make_abstaining_run(tiny_run, tmp_path / "run", threshold=float(np.median(certainty)))
    report = export_run(run, tmp_path / "out", formats=FORMATS, precisions=["float16"])
    expected = open_runner(run).predict(_inputs(12))["abstain"]
    assert 0 < expected.mean() < 1
    for result in report.parity:
        assert result.abstention_disagreement <= 1 / 16
        if result.kind == "end_to_end" and result.precision == "float32":
            outputs = open_runner(report.directory / result.artefact).predict(_inputs(12))
            np.testing.assert_array_equal(outputs["abstain"], expected)


def test_folder_that_is_no_run(tmp_path):
    with pytest.raises(UserError, match="is not a run directory"):
        export_run(tmp_path, tmp_path / "out")
