"""The wandb backend without a training: no server, a service that dies, a second training."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress

import pytest

from skinnet_keras.training.tracking import open_tracker, wandb_tracker
from wandb_log import as_dict, of_kind, read_records

pytest.importorskip("wandb")


def log_of(run) -> str:
    return (run.directory / "train.log").read_text()


def records_of(run) -> list:
    folders = sorted((run.directory / "wandb").glob("offline-run-*"))
    return [record for folder in folders for record in read_records(folder)]


def history_of(run) -> list[dict]:
    return [as_dict(row.item) for row in of_kind(records_of(run), "history")]


def test_server_that_cannot_be_reached_means_offline(new_run, monkeypatch):
    monkeypatch.setenv("WANDB_API_KEY", "0" * 40)
    monkeypatch.setattr(wandb_tracker, "_INIT_SECONDS", 2)
    run = new_run(wandb={})
    started = time.monotonic()
    with open_tracker(run) as tracker:
        tracker.log_epoch("cnn", 1, {"loss": 0.5})
        tracker.finish({"name": "tiny"})
    assert time.monotonic() - started < 60
    assert "the server cannot be used, recording offline" in log_of(run)
    (row,) = history_of(run)
    assert row["cnn/loss"] == 0.5


def test_service_that_dies_does_not_end_the_training(new_run):
    import wandb

    run = new_run(wandb={"mode": "offline"})
    with open_tracker(run) as tracker:
        tracker.log_epoch("cnn", 1, {"loss": 0.5})
        for pid in _children_named("wandb-core"):
            os.kill(pid, signal.SIGKILL)
        for epoch in range(2, 5):
            tracker.log_epoch("cnn", epoch, {"loss": 0.5})
            time.sleep(0.2)
        tracker.finish({"name": "tiny"})
    warnings = [line for line in log_of(run).splitlines() if "going on without it" in line]
    assert len(warnings) == 1
    with suppress(ConnectionError):
        wandb.teardown()  # the next test gets a new service


def test_artifact_of_a_classifier_and_figures_that_json_does_not_know(new_run):
    run = new_run(wandb={"mode": "offline"})
    files = ["best.keras", "predictions_test.csv", "predictions_val.csv", "segmenter.keras"]
    for name in [*files, "final.keras", "masks.npy", "catalogue.csv"]:
        run.write_text(name, name)
    many = {f"class_{i}": float(i) for i in range(150)}
    figures = {"auc": float("nan"), "ratio": float("inf"), **many}
    with open_tracker(run) as tracker:
        tracker.finish({"classification": {"val": figures}})
    assert "failed" not in log_of(run)
    records = records_of(run)
    (artifact,) = of_kind(records, "artifact")
    paths = [entry.path for entry in artifact.manifest.contents]
    assert paths == sorted([*files, "config.yaml"])
    summary = {}
    for record in of_kind(records, "summary"):
        summary |= as_dict(record.update)
    assert summary["final/classification/val/class_149"] == 149
    assert "final/classification/val/auc" in summary


def test_stages_have_axes_of_their_own_and_steps_only_rise(new_run):
    run = new_run(wandb={"mode": "offline"})
    for stage, epochs in {"segmentation": 2, "cnn": 3}.items():
        # As after a crash in the second epoch of each stage, before its checkpoint.
        with open_tracker(run) as tracker:
            tracker.log_epoch(stage, 1, {"loss": 1.0})
            tracker.log_epoch(stage, 2, {"loss": 2.0})
        with open_tracker(run) as tracker:
            for epoch in range(2, epochs + 1):
                tracker.log_epoch(stage, epoch, {"loss": float(epoch)})
    rows = sorted(history_of(run), key=lambda row: row["_step"])  # folders are named by the second
    own = [{key: row[key] for key in row if not key.startswith("_")} for row in rows]
    assert own == [
        {"segmentation/epoch": 1, "segmentation/loss": 1.0},
        {"segmentation/epoch": 2, "segmentation/loss": 2.0},
        {"cnn/epoch": 1, "cnn/loss": 1.0},
        {"cnn/epoch": 2, "cnn/loss": 2.0},
        {"cnn/epoch": 3, "cnn/loss": 3.0},
    ]
    assert [row["_step"] for row in rows] == [0, 1, 2, 3, 4]
    axes = {(m.glob_name, m.step_metric) for m in of_kind(records_of(run), "metric") if m.glob_name}
    assert axes == {("segmentation/*", "segmentation/epoch"), ("cnn/*", "cnn/epoch")}


def test_trainings_of_one_process_are_separate_runs(catalogue, tmp_path):
    from skinnet_keras.runs.run import Run
    from tracking_config import tiny_config

    ids = set()
    for name in ("a", "b"):
        run = Run.create(
            tmp_path / name,
            tiny_config({"wandb": {"mode": "offline", "artifact": False}}),
            catalogue,
        )
        with open_tracker(run) as tracker:
            tracker.log_epoch("cnn", 1, {"loss": 0.5, "val_loss": float("nan")})
            tracker.finish({"name": name})
        (folder,) = (run.directory / "wandb").glob("offline-run-*")
        records = read_records(folder)
        ids.add(of_kind(records, "run")[0].run_id)
        assert len(of_kind(records, "history")) == 1
        assert of_kind(records, "artifact") == []
    assert len(ids) == 2


def _children_named(name: str) -> list[int]:
    found = []
    for entry in os.listdir("/proc") if os.path.isdir("/proc") else []:
        if not entry.isdigit():
            continue
        try:
            with open(f"/proc/{entry}/stat") as file:
                stat = file.read()
        except OSError:
            continue
        command, rest = stat[stat.index("(") + 1 :].rsplit(")", 1)
        if command == name and int(rest.split()[1]) == os.getpid():
            found.append(int(entry))
    if not found:
        pytest.skip("the wandb service is no child process that can be found here")
    return found
