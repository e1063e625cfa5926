"""Validation images augmented by epoch: what it changes in a run, and what it leaves alone."""

from __future__ import annotations

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from skinnet_keras.config import Config
from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.taxonomy import CLASSES
from skinnet_keras.training import segmentation
from skinnet_keras.training.callbacks import Validate
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.runs import Run
from skinnet_keras.training.samples import segmentation_samples
from skinnet_keras.training.segmentation import score_segmenter
from tiny_run import SIZE, build_segmenter, make_catalogue


def config_of(**changes) -> Config:
    small = {"learning_rate": 0.01, "schedule": {"name": "constant"}}
    raw = {
        "name": "tiny",
        "image_size": SIZE,
        "model": {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
        "stages": {
            "cnn": {"epochs": 1, "batch_size": 2, "optimizer": small},
            "head": {"epochs": 2, "batch_size": 2, "views": 2, "optimizer": small},
        },
        "checkpoint_every": 1,
        "deterministic": True,
        "workers": 0,
    }
    return Config.model_validate({**raw, **changes})


@pytest.fixture(scope="module", autouse=True)
def _eager():
    """Tracing graphs takes most of the time of trainings this small."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory):
    return make_catalogue(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture(scope="module")
def runs(catalogue, tmp_path_factory) -> dict[bool, Run]:
    """Finished runs without and with augmented validation."""
    folder, finished = tmp_path_factory.mktemp("runs"), {}
    for augmented in (False, True):
        config = config_of(augment_validation=augmented)
        finished[augmented] = start_run(config, catalogue, folder / str(augmented))
        run_experiment(finished[augmented])
    return finished


def test_every_epoch_s_validation_changes_and_the_training_does_not(runs):
    plain, augmented = (runs[key].history() for key in (False, True))
    assert [row["stage"] for row in augmented] == ["cnn", "head", "head"]
    assert plain[0]["loss"] == augmented[0]["loss"]
    for a, b in zip(plain, augmented, strict=True):
        assert a["val_loss"] != b["val_loss"]


def test_segmentation_is_validated_on_the_view_of_its_epoch(catalogue, tmp_path, monkeypatch):
    seen = []

    def score(*arguments, score=segmentation.score_segmenter, **view):
        seen.append(view)
        return score(*arguments, **view)

    monkeypatch.setattr(segmentation, "score_segmenter", score)
    config = config_of(
        augment_validation=True,
        model=None,
        segmenter={"arguments": {"widths": [4, 8]}},
        stages={"segmentation": {"epochs": 2, "batch_size": 2}},
    )
    run_experiment(start_run(config, catalogue, tmp_path / "run"))
    assert [view["epoch"] for view in seen] == [0, 1]
    assert all(view["augmenter"] == Augmenter(SIZE) for view in seen)


def test_predictions_and_metrics_are_those_of_the_images_as_they_are(runs, catalogue):
    run = runs[True]
    table = pd.read_csv(run.directory / "predictions_val.csv")
    model = keras.saving.load_model(run.directory / "best.keras", compile=False)
    cache = open_cache(catalogue, SIZE)
    ids = list(table["image_id"])
    rows = catalogue.table.set_index("image_id").loc[ids].reset_index()
    inputs = {
        "image": cache.images[cache.rows(ids)].astype("float32"),
        "metadata": MetadataEncoder().encode_table(rows),
    }
    expected = model.predict(inputs, verbose=0)["diagnosis"]
    np.testing.assert_allclose(table[list(CLASSES)], expected, atol=1e-5)


def test_resumed_run_validates_its_later_epochs_alike(runs, tmp_path):
    """The last epoch of the head: cached views of the validation images."""
    shutil.copytree(runs[True].directory, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    state = run.stage_directory("head") / "state.json"
    state.write_text(json.dumps({"epoch": 1, "weights": "epoch_0001.weights.h5"}))
    run_experiment(run)
    for first, again in zip(runs[True].history(), run.history(), strict=True):
        assert float(again["val_loss"]) == pytest.approx(float(first["val_loss"]), rel=1e-4)


def test_callback_passes_the_epoch_on():
    logs = {}
    Validate(lambda epoch: {"val_loss": 10.0 + epoch}).on_epoch_end(3, logs)
    assert logs == {"val_loss": 13.0}


@pytest.mark.parametrize("augmented", [False, True])
def test_view_of_an_epoch_is_that_of_its_seed_and_number(catalogue, tmp_path, augmented):
    run = Run.create(tmp_path / "run", config_of(augment_validation=augmented, seed=5), catalogue)
    context = TrainingContext(run, catalogue, open_cache(catalogue, SIZE), None, None, None)
    view = context.validation_view(7)
    assert view == {"augmenter": Augmenter(SIZE) if augmented else None, "seed": 5, "epoch": 7}


def test_masks_move_with_the_images_they_are_scored_on(catalogue, tmp_path):
    config = config_of(model=None, segmenter={}, stages={"segmentation": {"epochs": 1}})
    run = Run.create(tmp_path / "run", config, catalogue)
    cache = open_cache(catalogue, SIZE)

    def dice(predicted, true):
        both = (predicted & true).sum(axis=(1, 2))
        return {"dice": float((2 * both / (predicted.sum((1, 2)) + true.sum((1, 2)))).min())}

    context = TrainingContext(run, catalogue, cache, None, dice, dice)
    samples = segmentation_samples(catalogue, cache, "val")
    # Rotations and shifts at every image: a mask that stayed would miss its lesion.
    augmenter = Augmenter(
        SIZE, cutout=0.0, distortion=0.0, geometry=1.0, blur=0.0, brightness_contrast=0.0
    )
    # It takes dark pixels for lesion, wherever they are.
    segmenter = build_segmenter()
    moved = [
        score_segmenter(context, segmenter, samples, augmenter=augmenter, seed=0, epoch=epoch)
        for epoch in range(3)
    ]
    assert min(figures["dice"] for figures in moved) > 0.8
    assert len({figures["loss"] for figures in moved}) == 3
