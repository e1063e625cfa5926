"""Joint training through the segmentation network: what is trained, files, interruptions."""

from __future__ import annotations

import csv
import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pandas as pd
import pytest

from skinnet_keras.config import Config, parse_config
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.models.loading import load_keras
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.samples import classification_samples
from skinnet_keras.taxonomy import CLASSES
from skinnet_keras.training import callbacks, joint, joint_result, stages
from skinnet_keras.training.masks import network_origin, run_of_segmenter, training_images
from tiny_run import SIZE, make_catalogue

MODELS = ("segmenter.keras", "best.keras", "final.keras", "final_segmenter.keras")
RATE = {"learning_rate": 0.003, "schedule": {"name": "constant"}}
STAGE = {"epochs": 1, "batch_size": 4, "optimizer": RATE}
STAGES = {"segmentation": STAGE, "cnn": STAGE}
JOINT = {**STAGE, "epochs": 2, "segmenter": True, "mask_loss_weight": 0.5}


def joint_config(joint: dict | None = JOINT, **changes) -> Config:
    stages = {**changes.pop("stages", STAGES), "joint": joint}
    raw = {
        "name": "tiny",
        "image_size": SIZE,
        "model": {"variant": "v2", "backbone": "mbconv_tiny", "metadata_units": [8]},
        "segmenter": {"arguments": {"widths": [4, 8]}},
        "stages": stages,
        "checkpoint_every": 1,
        "deterministic": True,
        "workers": 0,
    }
    return parse_config({**raw, **changes}, "tiny")


@pytest.fixture(scope="module", autouse=True)
def _eager():
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture(scope="module")
def catalogue(tmp_path_factory) -> Catalogue:
    return with_equal_splits(make_catalogue(tmp_path_factory.mktemp("catalogue")))


def with_equal_splits(catalogue: Catalogue) -> Catalogue:
    """Classes that are in all splits, so that what is learnt serves the validation images."""
    labels = [CLASSES[i // 3] for i in range(len(catalogue.table))]
    changed = replace(catalogue, table=catalogue.table.assign(label=labels))
    changed.write(catalogue.root)
    return Catalogue.load(catalogue.root)


@pytest.fixture(scope="module")
def before(catalogue, tmp_path_factory) -> Run:
    """A finished run without a joint stage."""
    directory = tmp_path_factory.mktemp("runs") / "before"
    run = start_run(joint_config(joint=None), catalogue, directory)
    run_experiment(run)
    return run


def start_after(before: Run, config: Config, directory: Path) -> Run:
    """Start a run that goes on where another one ended: its stages are done already."""
    run = start_run(config, before.load_catalogue(), directory)
    shutil.copytree(before.directory / "checkpoints", directory / "checkpoints")
    shutil.copy(before.directory / "history.csv", directory)
    return run


@pytest.fixture(scope="module")
def finished(before, tmp_path_factory) -> tuple[Run, dict]:
    """The same with a joint stage, which improves on its start."""
    run = start_after(before, joint_config(), tmp_path_factory.mktemp("runs") / "joint")
    metrics = run_experiment(run)
    assert joint_result.segmenter_was_tuned(run)
    return run, metrics


def weights_of(run: Run, name: str) -> list[np.ndarray]:
    return load_keras(run.directory / name).get_weights()


def largest_difference(run: Run, other: Run, name: str) -> float:
    pairs = zip(weights_of(run, name), weights_of(other, name), strict=True)
    return max(float(np.abs(a - b).max()) for a, b in pairs)


def joint_rows(run: Run) -> list[dict]:
    return [row for row in run.history() if row["stage"] == "joint"]


def table_of(run: Run) -> list[dict]:
    with (run.directory / "masks.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def end_to_end_probabilities(run: Run, image_ids: list[str]) -> np.ndarray:
    """As `skinnet predict RUN` computes them."""
    catalogue = run.load_catalogue()
    cache = open_cache(catalogue, SIZE)
    table = catalogue.table.set_index("image_id", drop=False).loc[image_ids]
    model = RunModels.load(run.directory).end_to_end()
    assert model is not None
    x = {
        "image": cache.images[cache.rows(image_ids)].astype("float32"),
        "metadata": MetadataEncoder().encode_table(table),
    }
    return keras.ops.convert_to_numpy(model(x)["diagnosis"])


def assert_predictions_are_end_to_end(run: Run) -> None:
    for split in ("val", "test"):
        table = pd.read_csv(run.directory / f"predictions_{split}.csv")
        expected = end_to_end_probabilities(run, list(table["image_id"]))
        np.testing.assert_allclose(table[list(CLASSES)], expected, atol=1e-5)


def assert_masks_are_the_networks(run: Run) -> None:
    cache = open_cache(run.load_catalogue(), SIZE)
    network = load_keras(run.directory / "segmenter.keras")
    logits = network({"image": cache.images[:].astype("float32")})["mask_logits"]
    masks = PredictedMasks.open(run.directory).of(list(cache.image_ids))
    np.testing.assert_array_equal(masks, keras.ops.convert_to_numpy(logits)[..., 0] >= 0)


def test_both_networks_are_trained(finished, before):
    run, _ = finished
    for name in ("segmenter.keras", "best.keras"):
        assert largest_difference(run, before, name) > 1e-3
    assert [row["epoch"] for row in joint_rows(run)] == ["1", "2"]
    for row in joint_rows(run):
        terms = float(row["diagnosis_loss"]) + 0.5 * float(row["mask_logits_loss"])
        assert terms < float(row["loss"]) < terms + 0.05  # the rest is the L2 penalty
        assert 0 <= float(row["val_dice_per_image"]) <= 1
        assert float(row["val_mask_logits_loss"]) > 0


def test_files_are_those_of_the_trained_networks(finished, catalogue):
    run, metrics = finished
    assert all((run.directory / name).is_file() for name in MODELS)
    assert_predictions_are_end_to_end(run)
    assert_masks_are_the_networks(run)
    rows = table_of(run)
    assert {row["mask_origin"] for row in rows} == {"predicted:tiny/split_attention_unet/joint"}
    train = set(catalogue.usable(["train"])["image_id"])
    assert {row["image_id"] for row in rows if row["in_sample"] == "1"} == train
    assert {row["image_id"] for row in rows} == set(catalogue.usable()["image_id"])
    # Validation during the stage is that of the end.
    best = json.loads((run.stage_directory("joint") / "best.json").read_text())
    assert metrics["loss"]["val"]["model"] == pytest.approx(best["score"], rel=1e-4)
    dice = float(joint_rows(run)[best["epoch"] - 1]["val_dice_per_image"])
    assert metrics["segmentation"]["val"]["dice_per_image"] == pytest.approx(dice, abs=1e-6)


def test_the_start_is_measured_end_to_end_and_kept_where_nothing_is_better(before, tmp_path):
    wild = {**JOINT, "epochs": 1, "optimizer": {**RATE, "learning_rate": 1.0}}
    run = start_after(before, joint_config(joint=wild), tmp_path / "run")
    run_experiment(run)
    best = json.loads((run.stage_directory("joint") / "best.json").read_text())
    assert best["epoch"] == 0
    assert not joint_result.segmenter_was_tuned(run)
    # The masks of `before` are its own network's: there, both ways of measuring agree.
    metrics = json.loads((before.directory / "metrics.json").read_text())
    assert best["score"] == pytest.approx(metrics["loss"]["val"]["model"], rel=1e-4)
    for name in ("segmenter.keras", "best.keras"):
        assert largest_difference(run, before, name) < 1e-6
    assert largest_difference(run, before, "final.keras") > 1e-3
    assert {row["mask_origin"] for row in table_of(run)} == {"predicted:tiny/split_attention_unet"}
    assert_predictions_are_end_to_end(run)


class _StopError(Exception):
    pass


def _stop_after(function, when):
    """Raise after the first call of a function for whose arguments `when` holds."""

    def stopping(*arguments, **options):
        result = function(*arguments, **options)
        if when(*arguments):
            raise _StopError
        return result

    return stopping


def _first_epoch(path, data):
    return (path.parent.name, path.name, data["epoch"]) == ("joint", "state.json", 1)


def _move_of(name):
    return lambda source, target: (
        Path(source).parent.name == "joint_result" and Path(target).name == name
    )


INTERRUPTIONS = {
    "start measured": (joint, "write_json", lambda path, data: data["epoch"] == 0),
    "first epoch": (callbacks, "write_json", _first_epoch),
    "best loaded": (joint, "load_weights", lambda *arguments: True),
    "masks moved": (os, "replace", _move_of("masks.npy")),
    "segmenter moved": (os, "replace", _move_of("segmenter.keras")),
    "val predicted": (os, "replace", lambda _, to: Path(to).name == "predictions_val.csv"),
}


def test_run_that_is_interrupted_again_and_again_ends_like_another(finished, before, tmp_path):
    reference, metrics = finished
    run = start_after(before, joint_config(), tmp_path / "run")
    for where, (module, name, when) in INTERRUPTIONS.items():
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, name, _stop_after(getattr(module, name), when))
            with pytest.raises(_StopError):
                run_experiment(Run.open(run.directory))
        if where != "val predicted":
            with pytest.raises(UserError, match="not a finished run"):
                RunModels.load(run.directory)
    assert not (run.directory / "metrics.json").exists()
    resumed = run_experiment(Run.open(run.directory))
    for name in MODELS:
        assert largest_difference(run, reference, name) < 1e-5
    assert_masks_are_the_networks(run)
    assert table_of(run) == table_of(reference)
    assert resumed["loss"]["val"] == pytest.approx(metrics["loss"]["val"], rel=1e-4)
    assert resumed["segmentation"]["val"] == pytest.approx(metrics["segmentation"]["val"], rel=1e-4)
    assert len(run.history()) == len(reference.history())


def test_a_finished_run_is_measured_again_without_training(finished, monkeypatch):
    run, metrics = finished
    files = {name: (run.directory / name).read_bytes() for name in (*MODELS, "masks.npy")}
    (run.directory / "metrics.json").unlink()
    monkeypatch.setattr(stages, "fit_stage", None)
    monkeypatch.setattr(joint, "fit_stage", None)
    again = run_experiment(Run.open(run.directory))
    assert again == metrics
    assert {name: (run.directory / name).read_bytes() for name in files} == files


def test_another_run_s_network_is_copied_and_its_files_stay(before, catalogue, tmp_path):
    files = {path: path.read_bytes() for path in before.directory.rglob("*") if path.is_file()}
    config = joint_config(
        name="second",
        segmenter={"run": str(before.directory)},
        stages={"cnn": STAGE},
    )
    run = start_run(config, catalogue, tmp_path / "run")
    run_experiment(run)
    assert joint_result.segmenter_was_tuned(run)
    assert {path: path.read_bytes() for path in files} == files
    assert not (run.directory / "masks.npy").is_symlink()
    assert not (run.directory / "masks.csv").is_symlink()
    assert largest_difference(run, before, "segmenter.keras") > 1e-3
    assert_masks_are_the_networks(run)
    assert_predictions_are_end_to_end(run)
    # Runs that use this network name it and its training images.
    source = {"run": str(run.directory)}
    config = joint_config(None, segmenter=source, stages={"cnn": STAGE})
    third = Run(tmp_path / "third", config, catalogue.root)
    assert run_of_segmenter(third) == run_of_segmenter(run) == run
    assert network_origin(run) == "predicted:second/split_attention_unet/joint"
    assert training_images(run) == set(catalogue.usable(["train"])["image_id"])


def test_masks_that_were_lost_since_are_predicted_anew(finished, tmp_path):
    run, metrics = finished
    shutil.copytree(run.directory, tmp_path / "run")
    for name in ("masks.npy", "masks.csv"):
        (tmp_path / "run" / name).unlink()
    again = Run.open(tmp_path / "run")
    assert run_experiment(again) == metrics
    assert_masks_are_the_networks(again)
    assert table_of(again) == table_of(run)


def test_a_network_that_was_moved_before_it_was_taken_over_is_named(before, catalogue, tmp_path):
    source = tmp_path / "source"
    shutil.copytree(before.directory, source)
    config = joint_config(None, segmenter={"run": str(source)}, stages={"cnn": STAGE})
    run = start_run(config, catalogue, tmp_path / "run")
    shutil.move(source, tmp_path / "moved")
    with pytest.raises(UserError, match=r"start a new run with segmenter\.run=RUN"):
        run_experiment(run)
    with pytest.raises(UserError, match=r"say where it lies now with segmenter\.run=RUN"):
        start_run(config, catalogue, tmp_path / "other")
    # With the network where it was, the run goes on; then it needs the other run no longer.
    shutil.move(tmp_path / "moved", source)
    metrics = run_experiment(run)
    shutil.rmtree(source)
    assert run_experiment(Run.open(run.directory)) == metrics


def bare(root: Path, splits: tuple[str, ...]) -> Catalogue:
    """A catalogue without the masks of some splits."""
    full = make_catalogue(root)
    table = full.table.copy()
    table.loc[table["split"].isin(splits), "mask_path"] = ""
    Catalogue(root, table, full.sources).write(root)
    return Catalogue.load(root)


def test_without_masks_only_the_diagnosis_can_train_the_network(before, tmp_path):
    catalogue = bare(tmp_path / "catalogue", ("train", "val"))
    source = {"run": str(before.directory)}
    config = joint_config(segmenter=source, stages={"cnn": STAGE})
    with pytest.raises(UserError, match=r"has a lesion mask.*mask_loss_weight=0"):
        start_run(config, catalogue, tmp_path / "run")
    assert not (tmp_path / "run").exists()
    alone = {**JOINT, "epochs": 1, "mask_loss_weight": 0}
    config = joint_config(alone, segmenter=source, stages={"cnn": STAGE})
    run = start_run(config, catalogue, tmp_path / "run")
    run_experiment(run)
    pairs = zip(
        weights_of(run, "final_segmenter.keras"), weights_of(before, "segmenter.keras"), strict=True
    )
    assert max(np.abs(a - b).max() for a, b in pairs) > 1e-4
    assert "val_dice_per_image" not in joint_rows(run)[0]


def test_a_network_of_another_size_is_refused(before, catalogue, tmp_path):
    config = joint_config(
        image_size=64,
        segmenter={"run": str(before.directory)},
        stages={"cnn": STAGE},
    )
    with pytest.raises(UserError, match=r"shape \(32, 32, 1\).*image_size 64"):
        start_run(config, catalogue, tmp_path / "run")


@pytest.mark.parametrize("balanced", [False, True])
def test_mask_weights_have_a_mean_of_one_over_an_epoch(tmp_path, balanced):
    catalogue = make_catalogue(tmp_path)
    table = catalogue.table.copy()
    table.loc[[0, 3], "mask_path"] = ""  # half of the training images
    Catalogue(tmp_path, table, catalogue.sources).write(tmp_path)
    catalogue = Catalogue.load(tmp_path)
    train = classification_samples(
        catalogue,
        open_cache(catalogue, SIZE),
        "train",
        input_names=("image",),
        num_classes=8,
        masks=None,
    )
    if balanced:
        train = replace(train, sampling_weights=np.array([1.0, 2.0, 3.0, 4.0]))
    weights = joint.mask_weights(train)
    has_mask = np.array([False, False, True, True])
    assert (weights[has_mask] == weights[has_mask][0]).all()
    assert not weights[~has_mask].any()
    assert np.average(weights, weights=train.sampling_weights) == pytest.approx(1.0)


@pytest.mark.parametrize("methods", [["class_weights"], ["balanced_sampling"]])
def test_classes_are_balanced_and_the_device_augments(before, tmp_path, methods):
    config = joint_config(
        joint={**JOINT, "epochs": 1, "optimizer": {**RATE, "learning_rate": 1e-4}},
        balance={"methods": methods},
        augmentation_on="device",
        mixed_precision=True,
        deterministic=False,
    )
    run = start_after(before, config, tmp_path / "run")
    run_experiment(run)
    assert float(joint_rows(run)[0]["mask_logits_loss"]) > 0
    for name in MODELS:
        model = load_keras(run.directory / name)
        assert {x.dtype_policy.name for x in model._flatten_layers()} == {"float32"}
    assert_predictions_are_end_to_end(run)
