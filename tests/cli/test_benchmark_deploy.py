"""`skinnet benchmark deploy`: table, JSON, files, mistakes."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from skinnet_keras.export.tflite import write_tflite
from tiny_run import build_classifier, make_run

QUICK = ("--rounds", 1, "--seconds", 0)


def invoke(*arguments):
    return CliRunner().invoke(app, ["benchmark", "deploy", *map(str, arguments)])


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    """A good TFLite file and a damaged one."""
    folder = tmp_path_factory.mktemp("exported") / "m"
    folder.mkdir()
    file = folder / "m_classifier_float32.tflite"
    write_tflite(build_classifier(), file, precision="float32")
    (folder / "m_end_to_end_float32.tflite").write_bytes(b"nothing")
    return folder


def test_json_and_files(export, tmp_path):
    out = tmp_path / "out"
    arguments = (export, "--kind", "classifier", "--threads", "1,2", *QUICK, "--out", out)
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert [row["threads"] for row in report["artefacts"]] == [1, 2]
    assert all(row["latency_ms"] > 0 for row in report["artefacts"])
    assert report["machine"]["cores"] >= 1
    assert json.loads((out / "deployment.json").read_text()) == report
    assert sorted(path.suffix for path in out.iterdir()) == [".csv", ".json", ".png", ".txt"]


def test_what_cannot_be_measured_is_said_and_the_rest_printed(export):
    result = invoke(export, "--threads", 1, *QUICK)
    assert result.exit_code == 1
    assert "classifier: TFLite float32" in result.stdout
    said = "is not a TFLite model with one signature, or it is damaged."
    reason = f"{export / 'm_end_to_end_float32.tflite'} {said}"
    assert f"end_to_end, TFLite float32, 1 thread was not measured: {reason}" in result.stderr


def test_nothing_measured_is_the_users_mistake(export):
    result = invoke(export, "--kind", "end_to_end", "--threads", 1, *QUICK)
    assert isinstance(result.exception, UserError)
    assert "could be measured: see the messages above" in str(result.exception)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--kind", "both"), "--kind both: choose among classifier, end_to_end, segmenter"),
        (("--threads", "two"), "--threads 'two': write numbers from 1"),
        (("--threads", "0"), "--threads '0': write numbers from 1"),
        (("--out", __file__), "is a file where a folder is to be written"),
    ],
)
def test_mistakes(export, arguments, message):
    result = invoke(export, *arguments)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)


@pytest.mark.slow
def test_a_run_and_its_export_side_by_side(tmp_path):
    from skinnet_keras.export.bundle import export_run

    run = make_run(tmp_path / "v2")
    exported = export_run(run, tmp_path / "exported", precisions=["float32", "float16"])
    result = invoke(run, "--export", exported.directory, *QUICK, "--json")
    assert result.exit_code == 0, result.output
    rows = json.loads(result.stdout)["artefacts"]
    for kind in ("classifier", "end_to_end"):
        formats = [row["format"] for row in rows if row["kind"] == kind]
        assert formats[:2] == ["keras", "savedmodel"]
        assert formats.count("tflite") == 4
    for row in rows:
        assert row["batch_size"] == (1 if row["format"] == "tflite" else 8)
