"""`skinnet webapp`: what it prints, and the user's mistakes."""

from __future__ import annotations

import json
import shutil
import sys

import pytest

from made_export import make_export
from skinnet_keras.cli.main import main
from skinnet_keras.config import CleaningConfig
from skinnet_keras.serving.webapp import packages
from tiny_run import make_run


@pytest.fixture(scope="module")
def export(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli_webapp") / "made"
    return make_export(folder, precision="float16")


@pytest.fixture
def skinnet(monkeypatch, capsys):
    """Run the command line; return (exit code, stdout, stderr)."""

    def execute(*arguments) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["skinnet", *map(str, arguments)])
        with pytest.raises(SystemExit) as exit_:
            main()
        captured = capsys.readouterr()
        return exit_.value.code or 0, captured.out, captured.err

    return execute


def test_a_page_from_an_export(skinnet, export, tmp_path):
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed")
    code, out, err = skinnet("webapp", export, "--out", tmp_path / "page", "--json")
    if "npm could not install" in err:
        pytest.skip(f"the page's npm packages cannot be had: {err}")
    assert code == 0
    report = json.loads(out)
    assert report["directory"] == str(tmp_path / "page")
    assert report["model"] == "made_classifier_float16.tflite"
    assert report["runtime"] == "2.5.3"
    there = [path for path in (tmp_path / "page").rglob("*") if path.is_file()]
    assert report["files"] == len(there)
    assert report["bytes"] == sum(path.stat().st_size for path in there)
    assert 8e6 < report["first_load_bytes"] < report["bytes"] - 8e6


def test_missing_npm_is_one_sentence(skinnet, export, tmp_path, monkeypatch):
    monkeypatch.setattr(packages.shutil, "which", lambda name: None)
    code, out, err = skinnet("webapp", export, "--out", tmp_path / "page")
    assert (code, out) == (2, "")
    assert err.count("\n") == 1
    assert "install Node.js" in err
    assert not (tmp_path / "page").exists()


def test_other_mistakes_are_one_sentence(skinnet, export, tmp_path):
    cleaned = make_run(tmp_path / "cleaned", cleaning=CleaningConfig(hair=True))
    for arguments, message in (
        ([tmp_path / "absent"], "does not exist"),
        ([export, "--precision", "float32"], "choose --precision float16"),
        ([cleaned], "a browser cannot clean them"),
        ([cleaned, "--precision", "int4"], "choose float32 or float16"),
    ):
        code, out, err = skinnet("webapp", *arguments, "--out", tmp_path / "page")
        assert (code, out) == (2, "")
        assert message in err
        assert not (tmp_path / "page").exists()
