"""The wandb backend without a training: no server, a service that dies, a second training."""

from __future__ import annotations

import os
import signal
import time

import pytest

from skinnet_keras.training.tracking import open_tracker, wandb_tracker
from wandb_log import as_dict, of_kind, read_records

pytest.importorskip("wandb")


def log_of(run) -> str:
    return (run.directory / "train.log").read_text()


def history_of(run) -> list[dict]:
    (folder,) = (run.directory / "wandb").glob("offline-run-*")
    return [as_dict(row.item) for row in of_kind(read_records(folder), "history")]


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
    wandb.teardown()  # the next test gets a new service


def test_trainings_of_one_process_are_separate_runs(catalogue, tmp_path):
    from skinnet_keras.training.runs import Run
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
