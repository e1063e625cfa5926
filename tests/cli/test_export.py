"""`skinnet export`: the table, the JSON and the user's mistakes."""

from __future__ import annotations

import json
import sys

import pytest

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
        sources.write_text(json.dumps({"tiny": str(moved / "source")}))
        assert skinnet(*arguments, "--data", moved)[0] == 0
    finally:
        moved.rename(run.parent / "data")


def test_unknown_format_lists_the_known(skinnet, run, tmp_path):
    code, out, err = skinnet("export", run, "--format", "coreml", "--out", tmp_path / "out")
    assert (code, out) == (2, "")
    assert "'coreml' is not known: choose among savedmodel, tflite" in err
    assert not (tmp_path / "out").exists()
