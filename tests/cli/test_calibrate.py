from __future__ import annotations

import json
import shutil
import subprocess
import sys

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.calibration.files import read_calibration, read_thresholds
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions
from skinnet_keras.taxonomy import CLASSES

FILES = {"calibration.json", "thresholds.json"}


def write_split(folder, split: str, *, n: int = 160, classes=CLASSES, seed: int = 0):
    """Predictions that are three times too sure, of two images a lesion; one has no label."""
    rng = np.random.default_rng([seed, len(split)])
    logits = rng.normal(size=(n, len(classes))) * 2 + np.linspace(1, 0, len(classes))
    p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    true = (p.cumsum(axis=1) < rng.random((n, 1))).sum(axis=1).clip(0, len(classes) - 1)
    sure = p**3 / (p**3).sum(axis=1, keepdims=True)
    path = folder / f"predictions_{split}.csv"
    names = [f"{split}{row}" for row in range(n)]
    labels = ["", *(classes[k] for k in true[1:])]
    groups = [f"{split}-lesion{row // 2}" for row in range(n)]
    write_predictions(path, names, labels, sure, classes, groups=groups)
    return path


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made") / "run"
    for split in ("val", "test"):
        write_split(folder, split)
    return folder


@pytest.fixture
def run(made, tmp_path):
    return shutil.copytree(made, tmp_path / "run")


def invoke(*arguments):
    return CliRunner().invoke(app, ["calibrate", *map(str, arguments), "--bootstrap", "50"])


def refused(*arguments) -> str:
    error = invoke(*arguments).exception
    assert isinstance(error, UserError), error
    assert str(error).endswith(".")
    return str(error)


def names(folder) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_tables_on_stdout_and_two_files_in_the_run(run):
    result = invoke(run)
    assert result.exit_code == 0, result.output
    for words in (
        *("Fitted calibration: temperature", "ECE", "Brier", "by chance"),
        *("least expected cost, calibrated", "Missed melanomas", "Unnecessary", "AURC"),
        "A cost of 1 is one excision of a benign lesion",
    ):
        assert words in " ".join(result.stdout.split()), words
    assert "run, test (n = 159)" in result.stdout
    assert "2 rows are left out" in result.stderr
    assert names(run) == {"predictions_val.csv", "predictions_test.csv", *FILES}


def test_json_is_one_object_that_agrees_with_the_files(run):
    result = invoke(run, "--method", "temperature", "--json")
    content = json.loads(result.stdout)
    assert "NaN" not in result.stdout
    fitted, before = content["fitted"]["calibration"], content["calibration"]["before"]
    assert fitted["kind"] == "temperature"
    assert 2 < fitted["temperature"] < 4.5  # three times too sure
    assert content["scored_on"] == "test"
    after = content["calibration"]["after"]
    assert after["nll"] < before["nll"]
    assert after["ece"] < before["ece"] / 2
    assert content["calibration"]["changes"]["nll"]["ci"][1] < 0
    report = evaluate_predictions(read_predictions(run / "predictions_test.csv"), bootstrap=0)
    rule = content["decisions"]["rules"]["argmax"]
    assert rule["balanced_accuracy"] == report["balanced_accuracy"] == before["balanced_accuracy"]
    assert rule["missed_melanoma"] == report["per_class"]["MEL"]["fn"]
    assert content["decisions"]["melanomas"] == report["per_class"]["MEL"]["support"]
    assert content["abstention"]["risk"] == pytest.approx(1 - report["accuracy"])
    stored = json.loads((run / "calibration.json").read_text())
    assert stored["temperature"] == fitted["temperature"]
    assert stored["fitted_on"]["images"] == 159
    assert stored["fitted_on"]["split"] == "val"
    assert stored["validation"]["after"]["nll"] < stored["validation"]["before"]["nll"]
    costs = json.loads((run / "thresholds.json").read_text())["validation"]
    assert costs["thresholds, calibrated"] <= costs["argmax, calibrated"]


def test_validation_alone_chooses(run):
    invoke(run)
    first = {name: (run / name).read_bytes() for name in FILES}
    write_split(run, "test", seed=5)
    invoke(run)
    assert {name: (run / name).read_bytes() for name in FILES} == first
    (run / "predictions_test.csv").unlink()
    result = invoke(run)
    assert "the validation images it was fitted on (n = 159)" in " ".join(result.stdout.split())
    assert {name: (run / name).read_bytes() for name in FILES} == first


def test_out_takes_everything_and_leaves_the_run_alone(run, tmp_path):
    out = tmp_path / "out"
    result = invoke(run, "--out", out, "--method", "vector", "--coverage", "0.6")
    assert result.exit_code == 0, result.output
    assert names(run) == {"predictions_val.csv", "predictions_test.csv"}
    assert {*FILES, "calibration_report.json", "tables.md", "decisions.csv"} < names(out)
    assert {"reliability.png", "risk_coverage.png"} < names(out)
    report = json.loads((out / "calibration_report.json").read_text())
    assert report["fitted"]["calibration"]["kind"] == "vector"
    assert report["abstention"]["chosen"]["value"] == 0.6
    tables = (out / "tables.md").read_text()
    for title in ("Calibration by class", "Decisions by cost", "Abstention by class"):
        assert f"**{title}" in tables


def test_files_of_another_system(run, tmp_path):
    val, test = run / "predictions_val.csv", run / "predictions_test.csv"
    result = invoke(val, "--test", test, "--json")
    assert "Nothing written" in result.stderr
    assert names(run) == {val.name, test.name}
    of_run = json.loads(invoke(run, "--json").stdout)
    assert json.loads(result.stdout) == of_run
    invoke(val, "--out", tmp_path / "out")
    assert names(tmp_path / "out") > FILES


def test_a_target_risk_that_cannot_be_kept_defers_everything(run):
    result = invoke(run, "--risk", "0.0001")
    assert result.exit_code == 0, result.output
    assert "No image is accepted of MEL" in " ".join(result.stdout.split())
    assert json.loads((run / "thresholds.json").read_text())["abstention"]["threshold"] is None


def test_written_files_are_read_back(run):
    invoke(run)
    val = run / "predictions_val.csv"
    calibration = read_calibration(run / "calibration.json", val)
    thresholds, abstention = read_thresholds(run / "thresholds.json", val, run / "calibration.json")
    assert calibration.classes == thresholds.classes == CLASSES
    assert abstention.value == 0.8


def test_stale_files_are_refused(run):
    invoke(run)
    val, calibration, thresholds = (
        run / name for name in ("predictions_val.csv", "calibration.json", "thresholds.json")
    )
    text = val.read_text()
    val.write_text(text.replace("val0,", "val-0,", 1))
    for read, path in ((read_calibration, calibration), (read_thresholds, thresholds)):
        with pytest.raises(UserError, match=r"was fitted on other predictions than .*val\.csv"):
            read(path, val)
        read(path)  # not checked where the run is not there
    val.write_text(text)
    old = thresholds.read_bytes()
    invoke(run, "--method", "vector")
    thresholds.write_bytes(old)
    with pytest.raises(UserError, match="made for another calibration"):
        read_thresholds(thresholds, val, calibration)


def test_broken_files_are_refused(run):
    invoke(run)
    for name, read in (
        ("calibration.json", read_calibration),
        ("thresholds.json", read_thresholds),
    ):
        path = run / name
        content = json.loads(path.read_text())
        for text in ("{", "[]", json.dumps({**content, "classes": ["MEL"], "thresholds": 3})):
            path.write_text(text)
            with pytest.raises(UserError, match=f"{name}.*run `skinnet calibrate` again"):
                read(path)
        path.unlink()
        with pytest.raises(UserError, match="cannot be read"):
            read(path)


def test_mistakes_are_user_errors(run, tmp_path):
    val, test = run / "predictions_val.csv", run / "predictions_test.csv"
    costs = {"name": "x", "unit": "y", "decided": ["MEL", "NV"]}
    costs["costs"] = {"MEL": [0, 20], "NV": [1, 0]}
    (tmp_path / "two.yaml").write_text(yaml.safe_dump(costs))
    few = write_split(tmp_path / "few", "test", classes=CLASSES[:7])
    cases = {
        (run, "--method", "platt"): "choose one of temperature, vector, auto",
        (run, "--costs", "nowhere.yaml"): "no such file, and no shipped",
        (run, "--costs", tmp_path / "two.yaml"): "lack the class BCC",
        (run, "--test", val): "159 images in common",
        (run, "--test", few): "differ in their classes (only one of them has the column SCC)",
        (run, "--test", tmp_path / "no.csv"): "does not exist",
        (run, "--coverage", "0"): "above 0 to 1",
        (run, "--risk", "1"): "between 0 and 1",
        (run, "--coverage", "0.5", "--risk", "0.1"): "give one of them",
        (run, "--out", val): "is a file where a folder",
        (tmp_path / "nowhere",): "does not exist",
        (test, "--test", test): "images in common",
    }
    for arguments, message in cases.items():
        assert message in refused(*arguments), arguments
    assert names(run) == {val.name, test.name}
    val.unlink()
    assert "fitted on validation predictions, never on test ones" in refused(run)


def test_unlabelled_validation_images_teach_nothing(tmp_path):
    path = tmp_path / "val.csv"
    write_predictions(path, ["a"], [""], np.full((1, 8), 1 / 8), CLASSES)
    assert "no labelled row" in refused(path)


def test_lesions_in_both_files_are_warned_of(run):
    test = run / "predictions_test.csv"
    test.write_text(test.read_text().replace("test-lesion3", "val-lesion3"))
    assert "groups (lesions, patients) have images in both" in invoke(run).stderr


def test_columns_in_another_order_change_nothing(run, tmp_path):
    expected = json.loads(invoke(run, "--json").stdout)
    read = read_predictions(run / "predictions_test.csv")
    turned = tmp_path / "turned.csv"
    write_predictions(
        turned, read.image_ids, read.labels, read.probabilities[:, ::-1], CLASSES[::-1], read.groups
    )
    assert json.loads(invoke(run, "--test", turned, "--json").stdout) == expected


def test_the_command_exits_2_with_one_line_and_needs_no_tensorflow(run, tmp_path):
    code = (
        "import sys; from skinnet_keras.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "calibrate"]
    good = subprocess.run([*command, str(run), "--json"], capture_output=True, text=True)
    assert good.returncode == 0, good.stderr
    assert json.loads(good.stdout)["scored_on"] == "test"
    bad = subprocess.run([*command, str(tmp_path / "nowhere")], capture_output=True, text=True)
    assert bad.returncode == 2
    assert bad.stdout == ""
    assert len(bad.stderr.strip().splitlines()) == 1
