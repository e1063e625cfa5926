"""`skinnet data` end to end: exit codes, one JSON object, one sentence a mistake."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from layouts import write_all, write_ham10000
from skinnet_keras.cli.data import app
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def source_options(sources):
    return [word for name, root in sources.items() for word in ("--source", f"{name}={root}")]


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    root = tmp_path_factory.mktemp("cli")
    result = run("build", *source_options(write_all(root)), "--out", root / "out", "--json")
    assert result.exit_code == 0, result.output
    return root / "out", result


def test_build_prints_one_json_object(built):
    folder, result = built
    report = json.loads(result.stdout)
    assert report["catalogue"] == str(folder)
    assert report["rows"] == 16
    assert report["sources"]["ham10000"]["without_image"] == 1


def test_build_prints_tables(tmp_path):
    root = write_ham10000(tmp_path / "ham10000")
    out = tmp_path / "out"
    result = run("build", "--source", f"ham10000={root}", "--out", out, "--fractions", "1,0,0")
    assert result.exit_code == 0, result.output
    assert "Kept images by split" in result.stdout
    assert "without" in result.stdout
    assert set(Catalogue.load(out).table["split"]) == {"train"}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--source", "ham10000"], "not of the form NAME=DIR"),
        (["--source", "ham10000=a", "--source", "ham10000=b"], "given twice"),
        (["--source", "ham=a"], "no source 'ham'"),
        (["--source", "ham10000=nowhere"], "nowhere is not a folder"),
        (["--source", "ham10000=a", "--fractions", "1,2"], "not of the form"),
    ],
)
def test_mistakes_are_one_sentence(tmp_path, options, words):
    result = run("build", *options, "--out", tmp_path / "out")
    assert isinstance(result.exception, UserError)
    assert words in str(result.exception)
    assert not list(tmp_path.iterdir())
