"""The stages on a tiny catalogue: what a run holds, and what an interruption changes."""

from __future__ import annotations

import csv
import json
from itertools import combinations

import keras
import numpy as np
import pandas as pd
import pytest

from skinnet_keras.atomic import atomic_file
from skinnet_keras.config import Config, parse_config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.runs.run import Run
from tiny_run import make_catalogue

V1 = {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]}


def tiny_config(**changes) -> Config:
    small = {"learning_rate": 0.01, "schedule": {"name": "constant"}}
    raw = {
        "name": "tiny",
        "image_size": 32,
        "model": {
            "variant": "v2",
            "backbone": "mbconv_tiny",
            "metadata_units": [8, 8],
        },
        "segmenter": {"arguments": {"widths": [4, 8]}},
        "stages": {
            "segmentation": {"epochs": 2, "batch_size": 2, "optimizer": small},
            "cnn": {"epochs": 2, "batch_size": 2, "optimizer": small},
            "head": {"epochs": 3, "batch_size": 2, "views": 2, "optimizer": small},
        },
        "checkpoint_every": 1,
        "deterministic": True,
        "workers": 0,
        "tracking": {"tensorboard": True},
    }
    return parse_config({**raw, **changes}, "tiny")


@pytest.fixture(scope="module", autouse=True)
def _eager():
    """Tracing graphs takes most of the time of trainings this small; the end-to-end test does."""
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    return make_catalogue(tmp_path_factory.mktemp("catalogue"))


@pytest.fixture(scope="module")
def finished(catalogue, tmp_path_factory):
    directory = tmp_path_factory.mktemp("runs") / "tiny"
    run = start_run(tiny_config(), catalogue, directory)
    return run, run_experiment(run)


def test_run_directory_holds_everything(finished):
    run, metrics = finished
    names = {path.relative_to(run.directory).as_posix() for path in run.directory.rglob("*")}
    assert {
        "config.yaml",
        "environment.json",
        "catalogue.sha256",
        "history.csv",
        "train.log",
        "metrics.json",
        "best.keras",
        "final.keras",
        "segmenter.keras",
        "masks.npy",
        "masks.csv",
        "predictions_val.csv",
        "predictions_test.csv",
        "checkpoints/segmentation/epoch_0001.weights.h5",
        "checkpoints/cnn/epoch_0002.weights.h5",
        "checkpoints/head/epoch_0003.weights.h5",
        "checkpoints/head/state.json",
    } <= names
    assert not any(name.startswith("features") for name in names)
    assert json.loads((run.directory / "metrics.json").read_text()) == metrics
    environment = json.loads((run.directory / "environment.json").read_text())
    assert environment["packages"]["keras"] == keras.__version__
    assert environment["seed"] == 0


def test_history_has_a_row_for_every_epoch_of_every_stage(finished):
    run, _ = finished
    rows = [(row["stage"], int(row["epoch"])) for row in run.history()]
    assert rows == [
        ("segmentation", 1),
        ("segmentation", 2),
        ("cnn", 1),
        ("cnn", 2),
        ("head", 1),
        ("head", 2),
        ("head", 3),
    ]
    assert all(float(row["val_loss"]) > 0 for row in run.history())


def test_masks_are_predicted_for_every_image_and_say_so(finished, catalogue):
    run, _ = finished
    with (run.directory / "masks.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert {row["image_id"] for row in rows} == set(catalogue.usable()["image_id"])
    assert {row["mask_origin"] for row in rows} == {"predicted:tiny/split_attention_unet"}
    in_sample = {row["image_id"] for row in rows if row["in_sample"] == "1"}
    assert in_sample == set(catalogue.usable(["train"])["image_id"])
    masks = np.load(run.directory / "masks.npy")
    assert masks.shape == (len(rows), 32, 32)
    assert set(np.unique(masks)) <= {0, 1}


def test_predictions_are_those_of_the_saved_model(finished, catalogue):
    from skinnet_keras.inference.keras_runner import (
        KerasRunner,  # the same file, read by another room
    )

    run, _ = finished
    table = pd.read_csv(run.directory / "predictions_test.csv")
    assert set(table["image_id"]) == set(catalogue.usable(["test"])["image_id"])
    model = keras.saving.load_model(run.directory / "best.keras", compile=False)
    assert KerasRunner(model).image_size == 32
    final = keras.saving.load_model(run.directory / "final.keras", compile=False)
    assert len(final.weights) == len(model.weights)
    classes = ["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"]
    np.testing.assert_allclose(table[classes].sum(axis=1), 1.0, atol=1e-9)


def test_losses_stand_beside_the_best_constant(finished):
    _, metrics = finished
    for split in ("val", "test"):
        assert metrics["loss"][split]["model"] > 0
        assert metrics["loss"][split]["best_constant_prediction"] > 0


class _StopError(Exception):
    pass


@pytest.fixture
def interrupt(monkeypatch):
    """A function that runs an experiment until the checkpoint of a stage's epoch is written."""

    def interrupt(run: Run, stage: str, epoch: int) -> None:
        from skinnet_keras.training import callbacks

        def stop_after(path, data, write=callbacks.write_json):
            write(path, data)
            if path.name == "state.json" and path.parent.name == stage and data["epoch"] == epoch:
                raise _StopError

        with monkeypatch.context() as patch:
            patch.setattr(callbacks, "write_json", stop_after)
            with pytest.raises(_StopError):
                run_experiment(run)
        assert not (run.directory / "metrics.json").exists()

    return interrupt


def assert_same_end(run: Run, reference: Run) -> None:
    for name in ("segmenter.keras", "final.keras", "best.keras"):
        expected = keras.saving.load_model(reference.directory / name, compile=False)
        actual = keras.saving.load_model(run.directory / name, compile=False)
        for a, b in zip(expected.get_weights(), actual.get_weights(), strict=True):
            np.testing.assert_allclose(b, a, rtol=1e-5, atol=1e-6)
    assert [row["epoch"] for row in run.history()] == [row["epoch"] for row in reference.history()]


@pytest.mark.parametrize(("stage", "epoch"), [("segmentation", 1), ("cnn", 1), ("head", 2)])
def test_interrupted_and_resumed_run_ends_with_the_same_weights(
    finished, catalogue, tmp_path, interrupt, stage, epoch
):
    reference, _ = finished
    run = start_run(tiny_config(), catalogue, tmp_path / "run")
    interrupt(run, stage, epoch)
    run_experiment(Run.open(tmp_path / "run"))
    assert_same_end(run, reference)


@pytest.fixture(scope="module")
def on_device(catalogue, tmp_path_factory):
    """A finished run that augments in the training step, and its config.

    Its CNN stage averages the weights and trains stem and last block first.
    """
    stages = tiny_config().model_dump()["stages"]
    gentle = {"from_epoch": 0, "parts": ["head", "stem", "last_block"]}
    stages["cnn"] |= {"ema": 0.5, "unfreeze": [gentle, {"from_epoch": 1, "parts": ["all"]}]}
    joint = {"epochs": 1, "batch_size": 2}
    config = tiny_config(augmentation_on="device", stages={**stages, "head": None, "joint": joint})
    run = start_run(config, catalogue, tmp_path_factory.mktemp("runs") / "device")
    run_experiment(run)
    return run, config


def test_run_that_augments_on_the_device_resumes_to_the_same_weights(
    on_device, catalogue, tmp_path, interrupt
):
    reference, config = on_device
    run = start_run(config, catalogue, tmp_path / "run")
    interrupt(run, "segmentation", 1)
    interrupt(Run.open(run.directory), "cnn", 1)
    run_experiment(Run.open(run.directory))
    assert_same_end(run, reference)


def test_augmentation_on_the_device_changes_the_training(on_device, finished, catalogue, tmp_path):
    stages = {"segmentation": tiny_config().model_dump()["stages"]["segmentation"]}
    off = tiny_config(augmentation=False, augmentation_on="device", model=None, stages=stages)
    plain = start_run(off, catalogue, tmp_path / "run")
    run_experiment(plain)
    weights = [
        keras.saving.load_model(run.directory / "segmenter.keras", compile=False).get_weights()
        for run in (plain, on_device[0], finished[0])
    ]
    # Without, with the layer, with albumentations: three trainings of one initial network.
    for a, b in combinations(weights, 2):
        assert max(np.abs(x - y).max() for x, y in zip(a, b, strict=True)) > 1e-4


def test_every_stage_is_tracked(finished, on_device):
    for run in (finished[0], on_device[0]):
        folders = {path.parent.name for path in run.directory.glob("tensorboard/*/*tfevents*")}
        assert folders == {row["stage"] for row in run.history()}
    assert folders == {"segmentation", "cnn", "joint"}


def test_another_run_s_segmenter_can_be_used(finished, catalogue, tmp_path):
    source, _ = finished
    config = tiny_config(
        segmenter={"run": str(source.directory)},
        stages={"cnn": {"epochs": 1, "batch_size": 2}, "joint": {"epochs": 1, "batch_size": 2}},
    )
    metrics = run_experiment(start_run(config, catalogue, tmp_path / "run"))
    assert (tmp_path / "run" / "segmenter.keras").is_file()
    np.testing.assert_array_equal(
        np.load(tmp_path / "run" / "masks.npy"), np.load(source.directory / "masks.npy")
    )
    assert metrics["segmentation"]["val"]["n"] == 4


def test_metadata_and_segmenter_can_be_left_out(catalogue, tmp_path):
    config = tiny_config(
        model={"variant": "v1", "backbone": "mbconv_tiny", "metadata": False},
        segmenter=None,
        stages={"cnn": {"epochs": 1, "batch_size": 2}},
    )
    metrics = run_experiment(start_run(config, catalogue, tmp_path / "run"))
    assert "segmentation" not in metrics
    assert not (tmp_path / "run" / "masks.npy").exists()


def test_without_a_head_stage_the_cnn_stage_trains_the_network_s_own_head(catalogue, tmp_path):
    config = tiny_config(
        model=V1,
        segmenter=None,
        stages={"cnn": {"epochs": 1, "batch_size": 2}},
    )
    run = start_run(config, catalogue, tmp_path / "run")
    run_experiment(run)
    final = keras.saving.load_model(run.directory / "final.keras", compile=False)
    # A fresh bias is zero.
    assert np.abs(final.get_layer("diagnosis_logits").get_weights()[1]).max() > 0
    last = [row for row in run.history() if row["stage"] == "cnn"][-1]
    metrics = json.loads((run.directory / "metrics.json").read_text())
    assert metrics["loss"]["val"]["model"] == pytest.approx(float(last["val_loss"]), rel=1e-4)


def test_segmentation_alone(catalogue, tmp_path):
    config = tiny_config(model=None, stages={"segmentation": {"epochs": 1, "batch_size": 2}})
    metrics = run_experiment(start_run(config, catalogue, tmp_path / "run"))
    assert set(metrics) == {"name", "segmentation"}
    assert metrics["segmentation"]["val"]["empty_truths"] == 0
    assert (tmp_path / "run" / "segmenter.keras").is_file()


def test_directory_in_use_is_refused(finished, catalogue):
    run, _ = finished
    with pytest.raises(UserError, match="--resume"):
        start_run(tiny_config(), catalogue, run.directory)


def test_changed_catalogue_is_refused(finished, tmp_path):
    catalogue = make_catalogue(tmp_path / "catalogue")
    run = Run.create(tmp_path / "run", tiny_config(), catalogue)
    with atomic_file(catalogue.root / "catalogue.csv") as temporary:
        catalogue.table.assign(age="50").to_csv(temporary, index=False)
    with pytest.raises(UserError, match="changed since"):
        run.load_catalogue()


def test_catalogue_without_masks_is_refused_before_anything_is_written(tmp_path):
    catalogue = make_catalogue(tmp_path / "catalogue")
    bare = Catalogue(catalogue.root, catalogue.table.assign(mask_path=""), catalogue.sources)
    bare.write(catalogue.root)
    with pytest.raises(UserError, match=r"no image of split 'train'.*has a lesion mask"):
        start_run(tiny_config(), Catalogue.load(catalogue.root), tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"model": {"variant": "v2", "backbone": "resnet"}}, "choose one of efficientnet_b0"),
        ({"segmenter": {"name": "vnet"}}, "choose one of"),
        ({"segmenter": {"arguments": {"width": 3}}}, "width"),
        ({"image_size": 40}, "multiple of 16"),
    ],
)
def test_networks_that_do_not_exist_are_refused(catalogue, tmp_path, changes, sentence):
    if "image_size" in changes:
        changes["segmenter"] = {}
    with pytest.raises(UserError, match=sentence):
        start_run(tiny_config(**changes), catalogue, tmp_path / "run")


def test_diverging_training_stops_with_the_key_to_change(catalogue, tmp_path):
    optimizer = {"learning_rate": 100.0, "schedule": {"name": "constant"}}
    stage = {"epochs": 2, "batch_size": 2, "optimizer": optimizer}
    config = tiny_config(model=None, stages={"segmentation": stage})
    # Beyond what a config may ask for, so that it is over in a few steps.
    section = config.stages.segmentation
    absurd = section.optimizer.model_copy(update={"learning_rate": 1e30})
    stages = config.stages.model_copy(
        update={"segmentation": section.model_copy(update={"optimizer": absurd})}
    )
    config = config.model_copy(update={"stages": stages})
    with pytest.raises(UserError, match=r"stages\.segmentation\.optimizer\.learning_rate"):
        run_experiment(start_run(config, catalogue, tmp_path / "run"))
    assert not list((tmp_path / "run").rglob("epoch_*.weights.h5"))


def test_mixed_precision_trains_resumes_and_saves_float32(catalogue, tmp_path):
    stages = {"cnn": {"epochs": 2, "batch_size": 2}}
    config = tiny_config(stages=stages, segmenter=None, mixed_precision=True, model=V1)
    run = start_run(config, catalogue, tmp_path / "run")
    run_experiment(run)
    state = run.stage_directory("cnn") / "state.json"
    state.write_text(json.dumps({"epoch": 1, "weights": "epoch_0001.weights.h5"}))
    run_experiment(Run.open(run.directory))
    model = keras.saving.load_model(run.directory / "best.keras", compile=False)
    assert {layer.dtype_policy.name for layer in model._flatten_layers()} == {"float32"}
    assert keras.config.dtype_policy().name == "float32"
