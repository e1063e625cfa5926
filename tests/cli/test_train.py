"""`skinnet train`, `skinnet segment train`: what is wrong is told before TensorFlow is loaded."""

from __future__ import annotations

import os
import sys

import pytest
from typer.testing import CliRunner

import skinnet_keras.cli.main
from skinnet_keras.cli import training
from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from small_catalogue import write_small_catalogue


@pytest.fixture
def refused(monkeypatch, tmp_path):
    def heavy():
        raise AssertionError("TensorFlow would have been loaded")

    monkeypatch.setattr(training, "import_tensorflow_quietly", heavy)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "notes.txt").write_text("mine")
    os.mkfifo(tmp_path / "pipe.yaml")
    catalogue = tmp_path / "catalogue"
    catalogue.mkdir()
    write_small_catalogue(tmp_path / "made").write(catalogue)

    def run(verb: str, *arguments: str) -> str:
        result = CliRunner().invoke(app, [*verb.split(), *arguments])
        assert isinstance(result.exception, UserError), result.exception
        assert "\n" not in str(result.exception)
        return str(result.exception)

    return run


@pytest.mark.parametrize("verb", ["train", "segment train"])
@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (("--config", "folder"), "config folder: a folder, no file"),
        (("--config", "pipe.yaml"), "config pipe.yaml: a pipe or a device, no file"),
        (("--config", "x" * 300), "no such file, and no preset"),
        (("--config", "demo", "image_size=1000000"), "image_size: input should be less than"),
        (("--config", "demo", "seed=1", "seed=2"), "override 'seed' is given twice"),
        (("--config", "demo", "--data", "folder"), "folder has no catalogue.csv"),
        (("--config", "demo", "--out", "used"), "used already exists and is not empty"),
    ],
)
def test_cheap_checks_come_first(verb, arguments, part, refused):
    data = () if "--data" in arguments else ("--data", "catalogue")
    assert part in refused(verb, *arguments, *data)


def test_names_that_no_disk_takes_are_one_sentence(monkeypatch, tmp_path, capsys):
    """Also of paths that are no arguments of their own: the sources of a catalogue."""
    monkeypatch.chdir(tmp_path)
    source = f"folder={'x' * 300}"
    command = ["skinnet", "data", "build", "--source", source, "--out", "catalogue"]
    monkeypatch.setattr(sys, "argv", command)
    with pytest.raises(SystemExit) as left:
        skinnet_keras.cli.main.main()
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert "File name too long; choose another folder." in said
    assert len(said.splitlines()) == 1
    assert len(said) < 250
