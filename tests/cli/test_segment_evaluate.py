"""`skinnet segment evaluate` on a finished run."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from tiny_run import make_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))


def call(*arguments):
    result = CliRunner().invoke(app, ["segment", "evaluate", *map(str, arguments)])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_json_is_one_object_with_intervals(run):
    report = json.loads(call(run, "--split", "val", "--json", "--bootstrap", "50").stdout)
    assert report["split"] == "val"
    assert report["image_size"] == 32
    assert report["n"] == 4
    low, high = report["ci"]["dice_per_image"]
    assert 0.8 < low <= report["dice_per_image"] <= high <= 1


def test_table_and_folder(run, tmp_path):
    out = tmp_path / "report"
    result = call(run, "--tta", "flips", "--original-size", "--out", out)
    assert "Dice, mean over images" in result.stdout
    report = json.loads((out / "metrics.json").read_text())
    assert report["tta"] == "flips"
    assert report["scored_at"] == "original size"
    assert {path.name for path in out.iterdir()} == {
        "metrics.json",
        "images.csv",
        "summary.md",
        "overlays.png",
        "worst.png",
    }


def test_a_model_file_needs_its_data(run):
    model = run / "segmenter.keras"
    with pytest.raises(UserError, match="give --data"):
        call(model)
    given = json.loads(call(model, "--data", run.parent / "data", "--json").stdout)
    own = json.loads(call(run, "--json").stdout)
    assert given["dice_per_image"] == own["dice_per_image"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--split", "validation"), "choose train, val or test"),
        (("--tta", "mirrors"), "choose one of none, flips, dihedral"),
    ],
)
def test_unknown_words_are_refused(run, arguments, sentence):
    with pytest.raises(UserError, match=sentence):
        call(run, *arguments)
