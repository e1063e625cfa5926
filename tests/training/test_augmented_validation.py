"""Validation images augmented by epoch: what it changes in a run, and what it leaves alone."""

from __future__ import annotations

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest

from skinnet_keras import experiment
from skinnet_keras.config import Config
from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.pipeline import evaluation_dataset
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.samples import classification_samples, segmentation_samples
from skinnet_keras.taxonomy import CLASSES
from skinnet_keras.training import segmentation, stages
from skinnet_keras.training.callbacks import Validate
from skinnet_keras.training.context import TrainingContext
from skinnet_keras.training.features import validation_views
from skinnet_keras.training.segmentation import score_segmenter
from tiny_run import SIZE, build_segmenter, make_catalogue


def config_of(**changes) -> Config:
    small = {"learning_rate": 0.01, "schedule": {"name": "constant"}}
    raw = {
        "name": "tiny",
        "seed": 3,
        "image_size": SIZE,
        "model": {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
        "stages": {
            "cnn": {"epochs": 2, "batch_size": 2, "optimizer": small},
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
def finished(catalogue, tmp_path_factory) -> tuple[Run, list[dict]]:
    """A finished run with augmented validation, and the views of its predictions in order."""
    run = start_run(
        config_of(augment_validation=True), catalogue, tmp_path_factory.mktemp("runs") / "tiny"
    )
    seen = []

    def predict(*arguments, predict=stages.predict_probabilities, **view):
        seen.append(view)
        return predict(*arguments, **view)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "predict_probabilities", predict)
        patch.setattr(experiment, "predict_probabilities", predict)
        run_experiment(run)
    return run, seen


def test_cnn_is_validated_on_the_view_of_each_epoch(finished):
    _, seen = finished
    views = [{"augmenter": Augmenter(SIZE), "seed": 3, "epoch": epoch} for epoch in (0, 1)]
    # The predictions of validation and test split come last, on the images as they are.
    assert seen == [*views, {}, {}]


def test_head_is_validated_on_as_many_views_as_it_trains_on(catalogue):
    """View v of an image is that of epoch v, as `evaluation_dataset` augments it."""
    image = keras.Input((SIZE, SIZE, 3), name="image")
    means = keras.Model({"image": image}, keras.layers.GlobalAveragePooling2D()(image))
    samples = classification_samples(
        catalogue,
        open_cache(catalogue, SIZE),
        "val",
        input_names=("image", "metadata"),
        num_classes=8,
        masks=None,
    )
    augmenter = Augmenter(SIZE)
    views = validation_views(means, samples, augmenter=augmenter, views=3, seed=4)
    for epoch, view in enumerate(views):
        batches = evaluation_dataset(
            samples, batch_size=8, augmenter=augmenter, seed=4, epoch=epoch
        )
        expected = np.concatenate([x["image"].numpy().mean(axis=(1, 2)) for x, _ in batches])
        np.testing.assert_allclose(view, expected, rtol=1e-4)
    assert len(views) == 3
    assert np.abs(views[0] - views[1]).max() > 1
    (plain,) = validation_views(means, samples, augmenter=None, views=3, seed=4)
    expected = samples.images_at(np.arange(len(samples))).mean(axis=(1, 2))
    np.testing.assert_allclose(plain, expected, rtol=1e-4)


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


def test_predictions_are_those_of_the_images_as_they_are(finished, catalogue):
    run, _ = finished
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


def test_resumed_run_validates_its_later_epochs_alike(finished, tmp_path):
    """The last epoch of the head: cached views of the validation images."""
    shutil.copytree(finished[0].directory, tmp_path / "run")
    run = Run.open(tmp_path / "run")
    state = run.stage_directory("head") / "state.json"
    state.write_text(json.dumps({"epoch": 1, "weights": "epoch_0001.weights.h5"}))
    run_experiment(run)
    for first, again in zip(finished[0].history(), run.history(), strict=True):
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
