"""Trainings that are tracked: interrupted, resumed, finished, and with a wandb that is broken."""

from __future__ import annotations

import base64
import csv
import hashlib
import importlib.machinery
import json
import os
import sys
import types

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.runs.run import Run
from skinnet_keras.training import callbacks
from tracking_config import tiny_config
from wandb_log import as_dict, of_kind, read_records


@pytest.fixture(scope="module")
def tracked(catalogue, tmp_path_factory):
    """Interrupted in the last epoch, before its checkpoint; resumed; resumed once more."""
    pytest.importorskip("wandb")
    here = tmp_path_factory.mktemp("here")
    directory = tmp_path_factory.mktemp("runs") / "tiny"
    tracking = {"wandb": {"mode": "offline", "tags": ["test"]}, "tensorboard": True}
    checkpoint = callbacks.Checkpoint.on_epoch_end

    def interrupt(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt
        checkpoint(self, epoch, logs)

    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(here)
        run = start_run(tiny_config(tracking), catalogue, directory)
        with patch.context() as inner:
            inner.setattr(callbacks.Checkpoint, "on_epoch_end", interrupt)
            with pytest.raises(KeyboardInterrupt):
                run_experiment(run)
        run_experiment(Run.open(directory))
        metrics = run_experiment(Run.open(directory))
    assert list(here.iterdir()) == []  # wandb's default is the working directory
    return Run.open(directory), metrics


@pytest.fixture(scope="module")
def attempts(tracked):
    """The records of each offline folder, in order of time."""
    folders = sorted((tracked[0].directory / "wandb").glob("offline-run-*"))
    return [read_records(folder) for folder in folders]


def test_attempts_are_one_wandb_run_and_a_finished_one_makes_no_further(tracked, attempts):
    run, _ = tracked
    records = [of_kind(records, "run")[0] for records in attempts]
    state = json.loads((run.directory / "wandb.json").read_text())
    assert [record.run_id for record in records] == [state["id"]] * 2
    assert {record.project for record in records} == {"skinnet"}
    assert [list(record.tags) for record in records] == [["test"]] * 2
    assert [of_kind(records, "exit")[0].exit_code for records in attempts] == [255, 0]
    assert "is complete, nothing is added" in (run.directory / "train.log").read_text()
    assert "WANDB_DATA_DIR" not in os.environ


def test_every_epoch_is_logged_once_on_an_axis_of_its_stage(tracked, attempts):
    run, _ = tracked
    rows = [as_dict(row.item) for records in attempts for row in of_kind(records, "history")]
    assert [row["_step"] for row in rows] == [0, 1, 2]
    assert [row["segmentation/epoch"] for row in rows] == [1, 2, 3]
    for row, recorded in zip(rows, run.history(), strict=True):
        expected = {
            f"segmentation/{key}": float(value)
            for key, value in recorded.items()
            if key not in ("stage", "seconds")
        }
        assert {"segmentation/learning_rate", "segmentation/val_loss"} <= set(expected)
        assert row.pop("segmentation/seconds") > 0
        own = {key: value for key, value in row.items() if not key.startswith("_")}
        assert own == pytest.approx(expected, rel=1e-4)
    axes = {
        (metric.glob_name, metric.step_metric)
        for records in attempts
        for metric in of_kind(records, "metric")
        if metric.glob_name
    }
    assert axes == {("segmentation/*", "segmentation/epoch")}


def test_config_environment_and_system_metrics_are_there(tracked, attempts):
    run, _ = tracked
    config = as_dict(of_kind(attempts[0], "run")[0].config.update)
    environment = config.pop("environment")
    config.pop("_wandb")
    assert config == run.config.model_dump(mode="json")
    assert environment == json.loads((run.directory / "environment.json").read_text())
    stats = as_dict(of_kind(attempts[0], "stats")[0].item)
    assert any(key.startswith("cpu") or key.startswith("memory") for key in stats)


def test_artifact_is_logged_once_and_its_content_lies_in_the_run(tracked, attempts):
    run, _ = tracked
    (artifact,) = (a for records in attempts for a in of_kind(records, "artifact"))
    assert (artifact.name, artifact.type) == ("tiny", "model")
    assert [entry.path for entry in artifact.manifest.contents] == [
        "config.yaml",
        "metrics.json",
        "segmenter.keras",
    ]
    for entry in artifact.manifest.contents:
        assert entry.local_path.startswith(str(run.directory.resolve()) + os.sep)
        with open(entry.local_path, "rb") as file:
            digest = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).digest()
        assert base64.b64encode(digest).decode() == entry.digest


def test_final_metrics_are_in_the_summary(tracked, attempts):
    _, metrics = tracked
    summary: dict[str, float] = {}
    for record in of_kind(attempts[1], "summary"):
        summary |= as_dict(record.update)
    for split in ("val", "test"):
        value = metrics["segmentation"][split]["dice_per_image"]
        assert summary[f"final/segmentation/{split}/dice_per_image"] == pytest.approx(value)


def test_tensorboard_shows_the_figures_of_the_history(tracked):
    accumulators = pytest.importorskip(
        "tensorboard.backend.event_processing.event_accumulator", reason="needs tensorboard"
    )
    run, _ = tracked
    folder = run.directory / "tensorboard" / "segmentation"
    assert len(list(folder.iterdir())) == 2  # the interrupted epoch is in both files
    accumulator = accumulators.EventAccumulator(str(folder))
    accumulator.Reload()
    rows = run.history()
    assert set(accumulator.Tags()["scalars"]) == set(rows[0]) - {"stage", "epoch"}
    for tag in ("loss", "val_loss", "val_dice_per_image", "learning_rate", "seconds"):
        points = accumulator.Scalars(tag)
        assert [point.step for point in points] == [int(row["epoch"]) for row in rows]
        expected = [float(row[tag]) for row in rows]
        assert [point.value for point in points] == pytest.approx(expected, rel=1e-6)


def test_without_wandb_a_training_works_and_leaves_no_folders(catalogue, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)  # any import of it fails
    config = tiny_config({}, epochs=1)
    run = start_run(config, catalogue, tmp_path / "run")
    run_experiment(run)
    names = {path.name for path in run.directory.iterdir()}
    assert "metrics.json" in names
    assert not names & {"wandb", "wandb.json", "tensorboard"}
    assert "wandb" not in (run.directory / "train.log").read_text()


def test_missing_wandb_is_refused_before_anything_is_written(catalogue, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", None)
    with pytest.raises(UserError, match=r"skinnet-keras\[wandb\]"):
        start_run(tiny_config({"wandb": {}}), catalogue, tmp_path / "run")
    assert not (tmp_path / "run").exists()


class BrokenWandb(types.ModuleType):
    """Every use of it raises."""

    def __init__(self):
        super().__init__("wandb")
        self.__spec__ = importlib.machinery.ModuleSpec("wandb", None, origin="nowhere")

    def __getattr__(self, name):
        raise ConnectionError(f"[/wandb] is down: {name}")


def test_broken_wandb_costs_one_warning(catalogue, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "wandb", BrokenWandb())
    config = tiny_config({"wandb": {}, "tensorboard": True}, epochs=1)
    run = start_run(config, catalogue, tmp_path / "run")
    metrics = run_experiment(run)
    assert metrics["segmentation"]["val"]["n"] == 4
    log = (run.directory / "train.log").read_text().splitlines()
    (warning,) = (line for line in log if "wandb" in line)
    assert "wandb: starting failed, going on without it (ConnectionError" in warning
    assert list((run.directory / "tensorboard" / "segmentation").iterdir())
    with (run.directory / "history.csv").open() as file:
        assert len(list(csv.DictReader(file))) == 1
