from __future__ import annotations

import csv
import json

import numpy as np
import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import write_predictions
from skinnet_keras.taxonomy import CLASSES

LABELS = [*CLASSES] * 3


def write_run(folder, right: int, image_ids=None, labels=LABELS):
    """A run that gets the first `right` of 24 images right and calls the rest the next class."""
    predicted = [(CLASSES.index(label) + (row >= right)) % 8 for row, label in enumerate(labels)]
    ids = image_ids or [f"image{row}" for row in range(len(labels))]
    write_predictions(folder / "predictions_test.csv", ids, labels, np.eye(8)[predicted], CLASSES)
    return folder


@pytest.fixture
def runs(tmp_path):
    return [write_run(tmp_path / f"v{n}", right) for n, right in ((1, 14), (2, 19))]


def invoke(*arguments):
    return CliRunner().invoke(app, ["compare", *map(str, arguments)])


def test_table_6_with_signed_differences(runs):
    result = invoke(*runs)
    assert result.exit_code == 0, result.output
    assert result.stderr == ""
    assert "-50.0" in result.stdout  # 10 errors, then 5
    assert "None of these rare counts reproduces" in result.stdout


def test_balanced_accuracy_and_specificity_stand_beside_the_papers_columns(runs, tmp_path):
    invoke(*runs, "--out", tmp_path)
    with (tmp_path / "comparison.csv").open(newline="") as file:
        first, second, _ = csv.DictReader(file)
    # Each class has 3 images: 14 right are 2 of six classes and 1 of two, 19 are 3 of three.
    recalls = ([2 / 3] * 6 + [1 / 3] * 2, [1.0] * 3 + [2 / 3] * 5)
    for row, recall in zip((first, second), recalls, strict=True):
        assert float(row["Balanced accuracy"]) == pytest.approx(np.mean(recall), abs=1e-4)
        assert 0 < float(row["Specificity"]) < 1


def test_json(runs):
    result = json.loads(invoke(*runs, "--json").stdout)
    assert [run["errors_all"] for run in result["runs"].values()] == [10, 5]
    assert result["changes_percent"]["v2"]["errors_all"] == -50.0
    assert result["differing_images"] == {"v2": 0}
    paired = result["paired"]["v2"]
    assert paired["mcnemar"] == {
        **{"only_first_right": 0, "only_this_right": 5, "test": "exact"},
        **{"p": 0.0625, "p_holm": 0.0625},
    }
    errors = paired["differences"]["errors_all"]
    assert (errors["first"], errors["this"], errors["difference"]) == (10, 5, -5)
    assert errors["p"] == 0.0625  # images are groups here
    assert errors["ci"][0] < -5 < errors["ci"][1] <= 0
    assert errors["better"] > 0.99


def test_the_paired_comparison_is_printed_and_written(runs, tmp_path):
    result = invoke(*runs, "--out", tmp_path / "report", "--bootstrap", 100, "--seed", 3)
    for words in ("Differences to v1", "McNemar's test against v1", "Rares (4): errors", "exact"):
        assert words in result.stdout
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert written == {
        *("comparison.csv", "paired_differences.csv", "mcnemar.csv"),
        *("tables.md", "tables.tex", "comparison.json"),
    }
    again = json.loads(invoke(*runs, "--json", "--bootstrap", 100, "--seed", 3).stdout)
    assert json.loads((tmp_path / "report" / "comparison.json").read_text()) == again
    other = json.loads(invoke(*runs, "--json", "--bootstrap", 100, "--seed", 4).stdout)
    assert other["paired"] != again["paired"]


def test_one_run_alone_has_no_paired_comparison(runs):
    result = invoke(runs[0])
    assert result.exit_code == 0, result.output
    assert "McNemar" not in result.stdout


def test_runs_on_other_images_are_warned_of(runs, tmp_path):
    ids = [*(f"image{row}" for row in range(21)), "x", "y", "z"]
    other = write_run(tmp_path / "other", 10, image_ids=ids)
    result = invoke(runs[0], runs[1], other)
    assert "v1 and other were not scored on the same images: 6 images" in result.stderr
    assert "no paired difference is given" in result.stderr
    assert "v1 and v2" not in result.stderr
    result = json.loads(invoke(runs[0], runs[1], other, "--json").stdout)
    assert result["paired"]["other"] is None
    assert result["paired"]["v2"]["n"] == 24


def test_another_label_is_another_image(runs, tmp_path):
    other = write_run(tmp_path / "other", 10, labels=["NV", *LABELS[1:]])
    assert "1 image is in" in invoke(runs[0], other).stderr


def test_a_file_compares_with_a_run_and_equal_names_are_told_apart(runs, tmp_path):
    twin = write_run(tmp_path / "again" / "v1", 10)
    result = json.loads(invoke(runs[0], twin, runs[1] / "predictions_test.csv", "--json").stdout)
    assert list(result["runs"]) == ["v1", str(twin), "predictions_test"]


def test_out_writes_the_table(runs, tmp_path):
    invoke(*runs, "--out", tmp_path / "report")
    text = (tmp_path / "report" / "comparison.csv").read_text()
    assert text.startswith("Model,All: FP+FN,")
    assert "None of these rare counts" in (tmp_path / "report" / "tables.md").read_text()


def test_mistakes_are_user_errors(runs, tmp_path):
    for arguments, message in (
        ((runs[0], tmp_path / "nowhere"), "does not exist"),
        ((runs[0], runs[0], runs[0]), "named twice"),
    ):
        result = invoke(*arguments)
        assert isinstance(result.exception, UserError)
        assert message in str(result.exception)
