"""UNK as the ninth class, from generated images to an exported file; and left out of eight."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from skinnet_keras.config import Config
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.synthetic import write_synthetic
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.export.bundle import export_run
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.taxonomy import CLASSES, LABELS, UNK

SIZE = 32

pytestmark = pytest.mark.slow


def config_of(num_classes: int) -> Config:
    optimizer = {"learning_rate": 0.01, "schedule": {"name": "constant"}}
    return Config.model_validate(
        {
            "name": f"classes_{num_classes}",
            "image_size": SIZE,
            "num_classes": num_classes,
            "model": {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
            "stages": {
                "cnn": {"epochs": 1, "batch_size": 16, "optimizer": optimizer},
                "head": {"epochs": 2, "batch_size": 16, "views": 1, "optimizer": optimizer},
            },
            "balance": {"weighting": "effective_number"},
            "workers": 0,
        }
    )


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    folder = tmp_path_factory.mktemp("nine")
    write_synthetic(folder / "lesions", lesions=80, image_size=40, seed=3, classes=9)
    build_catalogue({"synthetic": folder / "lesions"}, folder / "catalogue", seed=3)
    return Catalogue.load(folder / "catalogue")


@pytest.fixture
def _eager():
    """Tracing graphs takes most of the time of trainings this small."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def trained(catalogue, tmp_path, request, _eager):
    run = start_run(config_of(request.param), catalogue, tmp_path / "run")
    return run, run_experiment(run)


@pytest.mark.parametrize("trained", [9], indirect=True)
def test_nine_classes_from_training_to_a_prediction(trained, catalogue, tmp_path):
    run, metrics = trained
    for split in ("val", "test"):
        rows = catalogue.usable([split])
        assert (rows["label"] == UNK).any()
        table = pd.read_csv(run.directory / f"predictions_{split}.csv")
        assert [name for name in table.columns if name in LABELS] == list(LABELS)
        assert dict(table["label"].value_counts()) == dict(rows["label"].value_counts())
        np.testing.assert_allclose(table[list(LABELS)].sum(axis=1), 1.0, atol=1e-9)
        report = metrics["classification"][split]
        assert report["n"] == len(rows)
        assert list(report["per_class"]) == list(LABELS)
        assert report["per_class"][UNK]["support"] == (rows["label"] == UNK).sum()
        recalls = [report["per_class"][label]["recall"] for label in LABELS]
        assert report["balanced_accuracy"] == pytest.approx(np.mean(recalls))
        assert metrics["loss"][split]["best_constant_prediction"] > 0

    import tensorflow as tf

    tf.config.run_functions_eagerly(False)
    report = export_run(
        run.directory, tmp_path / "exported", formats=["tflite"], precisions=["float32"]
    )
    sidecar = json.loads((report.directory / "metadata.json").read_text(encoding="utf-8"))
    assert sidecar["classes"] == list(LABELS)
    row = catalogue.usable(["test"]).iloc[0]
    runner = open_runner(next(report.directory.glob("*.tflite")))
    prediction = predict_images(runner, [catalogue.image_path(row["image_id"])])[0]
    assert {name for name, _ in prediction.top(9)} == set(LABELS)


@pytest.mark.parametrize("trained", [8], indirect=True)
def test_eight_classes_leave_unk_out_of_training_and_tables(trained, catalogue):
    run, metrics = trained
    usable = catalogue.usable(["test"])
    known = usable[usable["label"] != UNK]
    assert len(known) < len(usable)
    table = pd.read_csv(run.directory / "predictions_test.csv")
    assert [name for name in table.columns if name in LABELS] == list(CLASSES)
    assert set(table["image_id"]) == set(known["image_id"])
    assert metrics["classification"]["test"]["n"] == len(known)
