"""Every command that reads a run's catalogue finds it where --data says that it lies now."""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

pytest.importorskip("tensorflow")

from measured_run import make_measured_run
from skinnet_keras.cli.main import app
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.models import build_skinnet
from skinnet_keras.runs.run import Run
from tiny_run import SIZE
from trained_runs import train_tiny


@dataclass(frozen=True)
class Place:
    """A run, its catalogue where it was moved to, and another catalogue of the same images."""

    run: Path
    moved: Path
    other: Path


@pytest.fixture(scope="module", autouse=True)
def _eager():
    import tensorflow as tf

    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def move(root: Path, run: Path) -> Place:
    shutil.move(root / "data", root / "moved")
    loaded = Catalogue.load(root / "moved")
    # The images stayed in their folder, as far as the catalogue knows, and moved with it.
    sources = {name: root / "moved" / folder.name for name, folder in loaded.sources.items()}
    Catalogue(loaded.root, loaded.table, sources).write(loaded.root)
    other = Catalogue(root / "other", loaded.table.assign(sex="male"), sources)
    other.root.mkdir()
    other.write(other.root)
    return Place(run, root / "moved", root / "other")


@pytest.fixture(scope="module")
def measured(tmp_path_factory) -> Place:
    root = tmp_path_factory.mktemp("measured")
    classifier = build_skinnet("v2", image_size=SIZE, backbone="mbconv_tiny", metadata_units=(8,))
    run = make_measured_run(root, variant="v2", joint=True, classifier=classifier)
    shutil.copytree(run.directory, root / "second")
    return move(root, run.directory)


def invoke(*arguments):
    return CliRunner().invoke(app, [*map(str, arguments)])


def refused(*arguments) -> str:
    result = invoke(*arguments)
    assert isinstance(result.exception, UserError), result.exception or result.output
    return str(result.exception)


READERS = {
    "report": ("--bootstrap", 0),
    "subgroups": ("--bootstrap", 0),
    "card": ("--bootstrap", 0),
    "explain": ("--no-perturb", "--count", 2),
    "ood": ("--bootstrap", 0),
    "tta": ("--views", "none", "--bootstrap", 0),
    "segment evaluate": ("--bootstrap", 0),
    "segment compare": ("--bootstrap", 0, "--no-benchmark"),
}


@pytest.mark.parametrize("verb", READERS)
def test_readers(verb, measured, tmp_path, monkeypatch):
    files = {path.name: path.read_bytes() for path in measured.run.iterdir() if path.is_file()}
    out = tmp_path / ("page.html" if verb == "report" else "out")
    command = (*verb.split(), measured.run, *READERS[verb], "--out", out)
    message = refused(*command)
    assert f"is not in {measured.run.parent / 'data'}: say with --data where it lies" in message
    if verb != "segment evaluate":  # a network is scored on any catalogue
        assert "or is another one" in refused(*command, "--data", measured.other)
    assert not out.exists()
    monkeypatch.chdir(measured.moved.parent)
    result = invoke(*command, "--data", measured.moved.name)
    assert result.exit_code == 0, result.exception or result.output
    assert out.exists()
    assert {p.name: p.read_bytes() for p in measured.run.iterdir() if p.is_file()} == files
    if verb == "tta":  # what it leaves is a run that knows where the catalogue lies now
        assert Run.open(out).load_catalogue().root == measured.moved


def test_export(measured, tmp_path):
    command = ("export", measured.run, "--format", "tflite", "--precision", "float32")
    assert "say with --data where it lies" in refused(*command, "--out", tmp_path)
    result = invoke(*command, "--out", tmp_path, "--data", measured.moved, "--json")
    assert result.exit_code == 0, result.exception or result.output
    (folder,) = tmp_path.iterdir()
    assert (folder / "MODEL_CARD.md").is_file()  # by its digest it is the run's catalogue


def test_ensemble(measured, tmp_path):
    command = ("ensemble", measured.run, measured.run.parent / "second")
    message = refused(*command, "--out", tmp_path / "a", "--data", measured.other)
    assert f"was trained on another catalogue than {measured.other}" in message
    result = invoke(*command, "--out", tmp_path / "b", "--data", measured.moved)
    assert result.exit_code == 0, result.exception or result.output


def test_a_resumed_run_remembers_the_place(tmp_path):
    run = train_tiny(tmp_path, "baseline").directory
    metrics = (run / "metrics.json").read_bytes()
    place = move(tmp_path, run)
    assert "say with --data where it lies" in refused("train", "--resume", run)
    assert "or is another one" in refused("train", "--resume", run, "--data", place.other)
    assert (run / "metrics.json").read_bytes() == metrics
    assert "drop the other arguments" in refused("train", "--resume", run, "--out", tmp_path / "x")
    result = invoke("train", "--resume", run, "--data", place.moved, "--json")
    assert result.exit_code == 0, result.exception or result.output
    assert json.loads(result.stdout) == json.loads(metrics)
    assert invoke("subgroups", run, "--bootstrap", 0).exit_code == 0


def test_pages_that_read_no_catalogue_say_so(measured, tmp_path):
    predictions = measured.run / "predictions_test.csv"
    data = ("--data", measured.moved, "--out", tmp_path / "page.html")
    assert "--data goes with one" in refused("report", predictions, *data)
    both = (measured.run, measured.run.parent / "second")
    assert "a comparison reads no catalogue" in refused("report", *both, *data)
