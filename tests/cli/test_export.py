"""`skinnet export`: the table, the JSON and the user's mistakes."""

from __future__ import annotations

import json
import sys

import pytest

from abstaining_run import make_abstaining_run
from skinnet_keras.cli.main import main
from tiny_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("export"))


@pytest.fixture
def skinnet(monkeypatch, capfd):
    """Run the command line; return (exit code, stdout, stderr), C++ messages included."""

    def execute(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["skinnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capfd.readouterr()
        return exit_.value.code or 0, captured.out, captured.err

    return execute


def test_json_is_the_only_thing_on_stdout(skinnet, run, tmp_path):
    code, out, _ = skinnet(
        "export", run, "--precision", "float32, float16", "--out", tmp_path, "--name", "m", "--json"
    )
    assert code == 0
    report = json.loads(out)
    assert report["directory"] == str(tmp_path / "m")
    assert {result["precision"] for result in report["parity"]} == {"float32", "float16"}
    for result in report["parity"]:
        assert (tmp_path / "m" / result["artefact"]).exists()


def test_table_names_every_artefact(skinnet, run, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    code, out, err = skinnet(
        "export", run, "--format", "tflite", "--precision", "float16", "--out", tmp_path
    )
    assert code == 0
    assert "tiny_v2_classifier_float16.tflite" in out
    assert "tiny_v2_end_to_end_float16.tflite" in out
    rows = [line.split() for line in out.splitlines()]
    assert "partitions" in out
    assert next(row for row in rows if "tiny_v2_end_to_end_float16.tflite" in row)[-1] == "1"
    assert f"Wrote {tmp_path / 'tiny_v2'}" in err


def test_images_of_another_copy_of_the_catalogue(skinnet, run, tmp_path):
    moved = tmp_path / "moved"
    (run.parent / "data").rename(moved)
    try:
        arguments = ["export", run, "--format", "savedmodel", "--out", tmp_path / "out"]
        code, _, err = skinnet(*arguments)
        assert code == 2
        assert "catalogue" in err
        sources = moved / "sources.json"
        before = sources.read_text()
        sources.write_text(json.dumps({"tiny": str(moved / "source")}))
        assert skinnet(*arguments, "--data", moved)[0] == 0
        sources.write_text(before)
    finally:
        moved.rename(run.parent / "data")


def test_unknown_format_lists_the_known(skinnet, run, tmp_path):
    code, out, err = skinnet("export", run, "--format", "coreml", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "'coreml' is not known: choose among savedmodel, tflite, onnx" in err
    assert not (tmp_path / "out").exists()


def test_int8_with_too_few_images_is_refused_before_the_work(skinnet, run, tmp_path):
    arguments = ("export", run, "--format", "tflite", "--precision", "int8", "--out", tmp_path)
    code, out, err = skinnet(*arguments)
    assert (code, out) == (2, "")
    assert "at least 500 labelled validation images" in err
    assert "with --force" in err
    assert not list(tmp_path.iterdir())


def test_forced_int8_says_why_it_would_have_been_refused(skinnet, run, tmp_path):
    arguments = ("export", run, "--format", "tflite", "--precision", "int8", "--out", tmp_path)
    code, out, err = skinnet(*arguments, "--force")
    assert code == 0
    assert "tiny_v2_end_to_end_int8.tflite: recall against float32" in out
    assert "is written by --force although only 4 validation images (at least 500)" in err
    assert (tmp_path / "tiny_v2" / "tiny_v2_classifier_int8.tflite").is_file()


def test_uncalibrated_export_of_a_calibrated_run(skinnet, run, tmp_path):
    calibrated = make_abstaining_run(run, tmp_path / "run", threshold=0.5)
    arguments = ("export", calibrated, "--format", "savedmodel", "--json", "--out", tmp_path)
    names = {}
    for flag in ([], ["--uncalibrated"]):
        code, out, _ = skinnet(*arguments, "--name", f"m{len(flag)}", *flag)
        assert code == 0
        report = json.loads(out)
        folder = tmp_path / f"m{len(flag)}"
        metadata = json.loads((folder / "metadata.json").read_text())
        outputs = metadata["models"]["classifier"]["outputs"]
        names[report["calibrated"]] = [tensor["name"] for tensor in outputs]
        assert ("calibration" in metadata) == report["calibrated"]
    assert names == {True: ["diagnosis", "abstain"], False: ["diagnosis"]}
