from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import write_predictions
from skinnet_keras.taxonomy import CLASSES


@pytest.fixture
def run_folder(tmp_path):
    """A run with predictions of 60 test images, of which two carry no label."""
    rng = np.random.default_rng(0)
    labels = [*rng.choice(CLASSES, 58), "", ""]
    folder = tmp_path / "run"
    write_predictions(
        folder / "predictions_test.csv",
        [f"image{row}" for row in range(60)],
        labels,
        rng.dirichlet(np.ones(8), 60),
        CLASSES,
        groups=[f"lesion{row // 2}" for row in range(60)],
    )
    history = "stage,epoch,loss\ncnn,1,0.5\ncnn,2,0.4\n"
    (folder / "history.csv").write_text(history)
    return folder


def invoke(*arguments):
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_tables_on_stdout_and_the_count_of_left_out_rows_on_stderr(run_folder):
    result = invoke(run_folder)
    assert result.exit_code == 0, result.output
    for words in ("Specificity", "WPrecision", "Total", "Confusion matrix", "Balanced accuracy"):
        assert words in result.stdout
    assert "(n = 58)" in result.stdout
    assert "2 of 60 rows are left out" in result.stderr


def test_json_is_one_object_and_the_same_for_run_and_file(run_folder):
    result = invoke(run_folder, "--json")
    report = json.loads(result.stdout)
    assert report["n"] == 58
    assert report["ci"]["wf1"][0] <= report["wf1"] <= report["ci"]["wf1"][1]
    assert "NaN" not in result.stdout
    again = invoke(run_folder / "predictions_test.csv", "--json")
    assert again.stdout == result.stdout


def test_every_metric_has_an_interval_and_all_are_printed(run_folder):
    report = json.loads(invoke(run_folder, "--json").stdout)
    assert report["settings"]["bootstrap"] == 10_000
    assert report["settings"]["groups"] == 29
    for name, (low, high) in report["ci"].items():
        assert low <= report[name] <= high, name
    text = invoke(run_folder).stdout
    low, high = report["ci_per_class"]["MEL"]["pauc"]
    assert f"{report['per_class']['MEL']['pauc']:.4f} ({low:.4f} to {high:.4f})" in text
    for words in ("Macro F1", "Cohen's kappa", "MCC", "PR-AUC", "pAUC above TPR 0.8"):
        assert words in text


def test_options_set_floor_and_operating_points(run_folder):
    options = ("--min-tpr", 0, "--at-specificity", 0, "--at-sensitivity", 1, "--bootstrap", 0)
    report = json.loads(invoke(run_folder, "--json", *options).stdout)
    assert report["macro_pauc"] == pytest.approx(report["macro_auc"])
    assert report["macro_sensitivity_at_specificity"] == 1.0
    mistake = invoke(run_folder, "--min-tpr", 1.5).exception
    assert isinstance(mistake, UserError)
    assert str(mistake) == "--min-tpr 1.5: give a number from 0 to 1."


def test_bootstrap_zero_gives_no_intervals(run_folder):
    assert json.loads(invoke(run_folder, "--json", "--bootstrap", "0").stdout)["ci"] == {}


def test_out_writes_numbers_tables_and_plots(run_folder, tmp_path):
    result = invoke(run_folder, "--json", "--out", tmp_path / "report")
    written = {path.name for path in (tmp_path / "report").iterdir()}
    assert written == {
        *("metrics.json", "tables.md", "tables.tex", "per_class.csv", "class_intervals.csv"),
        *("ranking.csv", "confusion_matrix.csv", "summary.csv"),
        *("confusion_matrix.png", "roc.png", "training.png"),
    }
    assert json.loads((tmp_path / "report" / "metrics.json").read_text()) == json.loads(
        result.stdout
    )
    assert (tmp_path / "report" / "tables.md").read_text().count("| MEL |") == 5


def test_mistakes_are_user_errors(run_folder, tmp_path):
    (tmp_path / "bad.csv").write_text("image_id,label\na,MEL\n")
    cases = {
        (tmp_path / "nowhere",): "does not exist",
        (run_folder, "--split", "val"): "choose --split from test",
        (tmp_path / "bad.csv",): "lacks the probability column 'MEL'",
        (run_folder, "--out", tmp_path / "bad.csv"): "is a file where a folder",
    }
    for arguments, message in cases.items():
        result = invoke(*arguments)
        assert isinstance(result.exception, UserError)
        assert message in str(result.exception)


def test_a_file_without_labels_cannot_be_scored(tmp_path):
    path = tmp_path / "p.csv"
    write_predictions(path, ["a"], [""], np.full((1, 8), 1 / 8), CLASSES)
    assert "no labelled row" in str(invoke(path).exception)


def test_the_command_exits_2_with_one_line_and_needs_no_tensorflow(run_folder, tmp_path):
    code = (
        "import sys; from skinnet_keras.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "evaluate"]
    good = subprocess.run([*command, str(run_folder), "--json"], capture_output=True, text=True)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["n"] == 58
    bad = subprocess.run([*command, str(tmp_path / "nowhere")], capture_output=True, text=True)
    assert bad.returncode == 2
    assert bad.stdout == ""
    assert len(bad.stderr.strip().splitlines()) == 1
