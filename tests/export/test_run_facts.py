"""Figures, training data and model card of an export are those of the run's test predictions."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest

from calibrated_run import calibrate_run
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import read_predictions, write_predictions
from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES
from skinnet_keras.export.bundle import export_run
from skinnet_keras.export.run_facts import read_run_facts
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.reporting.card import CARD_FILES
from skinnet_keras.runs.run import Run
from skinnet_keras.taxonomy import CLASSES
from tiny_run import make_run


def _write_test_predictions(run) -> None:
    rows = Run.open(run).load_catalogue().usable(["test"])
    labels = rows["label"].tolist()
    probabilities = np.full((len(labels), 8), 0.05)
    found = [CLASSES.index(label) for label in labels]
    found[0] = (found[0] + 1) % 8
    probabilities[np.arange(len(labels)), found] = 0.65
    write_predictions(
        run / "predictions_test.csv",
        rows["image_id"].tolist(),
        labels,
        probabilities,
        CLASSES,
        groups=rows["group"].tolist(),
    )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = make_run(tmp_path_factory.mktemp("facts"))
    _write_test_predictions(directory)
    return directory


def _facts(run):
    source = RunModels.load(run).calibrated()
    return read_run_facts(source, source.run.load_catalogue())


def test_export_carries_figures_data_and_card(run, tmp_path):
    report = export_run(run, tmp_path, formats=["tflite"], precisions=["float32"])
    assert report.notes == ()
    metadata = json.loads((report.directory / "metadata.json").read_text())
    scored = read_predictions(run / "predictions_test.csv")
    expected = evaluate_predictions(scored, bootstrap=DEFAULT_RESAMPLES)
    metrics = metadata["metrics"]
    assert (metrics["split"], metrics["n"], metrics["calibration"]) == ("test", 4, None)
    for name in ("balanced_accuracy", "accuracy", "macro_auc"):
        assert metrics[name] == expected[name]
        assert metrics["ci"][name] == expected["ci"][name]
    label = scored.labels[1]
    assert metrics["per_class"][label]["recall"] == 1.0
    assert metrics["ci_per_class"][label].keys() == {"recall", "specificity"}
    data = metadata["training_data"]
    assert data["images"] == {"train": 4, "val": 4, "test": 4}
    assert data["sources"][0]["name"] == "tiny"
    assert {"train": 1, "val": 0, "test": 0} in data["classes"].values()
    assert metadata["version"] == metadata["package"]["version"]

    card = json.loads((report.directory / "card.json").read_text())
    assert card["evaluation"]["metrics"]["accuracy"] == metrics["accuracy"]
    assert "# Model card: tiny_v2" in (report.directory / "MODEL_CARD.md").read_text()
    sums = (report.directory / "SHA256SUMS").read_text()
    assert all(f"  {name}\n" in sums for name in CARD_FILES)


def test_a_calibrated_export_has_the_figures_of_calibrated_probabilities(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    plain = _facts(copy)
    calibrate_run(copy)
    facts = _facts(copy)
    calibration = RunModels.load(copy).calibrated().calibration.calibration
    expected = evaluate_predictions(
        calibration.apply_to(read_predictions(copy / "predictions_test.csv")), bootstrap=0
    )
    assert facts.metadata["metrics"]["calibration"] == "vector"
    assert facts.metadata["metrics"]["macro_auc"] == expected["macro_auc"]
    assert facts.metadata["metrics"]["accuracy"] == expected["accuracy"]
    answers = {
        item["answer"] for part in facts.card.content["checklists"] for item in part["items"]
    }
    assert any("Calibrated on the validation split (vector)" in (text or "") for text in answers)
    assert not any("not recalibrated" in (text or "") for text in answers)
    assert "calibrated on the validation split (vector)" in facts.card.markdown()
    before = {item["answer"] for part in plain.card.content["checklists"] for item in part["items"]}
    assert any("not recalibrated" in (text or "") for text in before)


def test_without_predictions_the_export_says_so_and_keeps_no_old_card(run, tmp_path):
    export_run(run, tmp_path, formats=["tflite"], precisions=["float16"])
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "predictions_test.csv").unlink()
    report = export_run(copy, tmp_path, formats=["tflite"], precisions=["float16"])
    (note,) = report.notes
    assert "neither figures nor a model card" in note
    assert "predictions_test.csv" in note
    assert not any((report.directory / name).exists() for name in CARD_FILES)
    metadata = json.loads((report.directory / "metadata.json").read_text())
    assert "metrics" not in metadata
    assert metadata["training_data"]["images"]["train"] == 4


def test_a_moved_catalogue_is_the_same_another_one_is_not(run, tmp_path):
    from skinnet_keras.data.catalogue import Catalogue

    source = RunModels.load(run)
    moved = tmp_path / "moved"
    shutil.copytree(run.parent / "data", moved)
    assert read_run_facts(source, Catalogue.load(moved)).card is not None
    table = (moved / "catalogue.csv").read_text().replace("female", "male")
    (moved / "catalogue.csv").write_text(table)
    other = read_run_facts(source, Catalogue.load(moved))
    assert other.card is None
    assert "is another catalogue" in other.note


def test_damaged_predictions_stop_the_export_before_anything_is_written(run, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(run, copy)
    (copy / "predictions_test.csv").write_text("image_id,label\n")
    with pytest.raises(UserError, match=r"predictions_test\.csv"):
        export_run(copy, tmp_path / "out")
    assert not (tmp_path / "out").exists()
