"""A training that is killed (SIGKILL) in the middle of an epoch and resumed ends as if it was not.

Bit for bit, in deterministic mode: models, predictions, history. What a kill between any two
writes leaves behind is the matter of `tests/training/test_fit.py`.
"""

from __future__ import annotations

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from skinnet_keras.models.loading import load_keras
from tiny_run import make_catalogue

EPOCHS = {"segmentation": 5, "cnn": 6, "head": 5}
_OPTIMIZER = """optimizer: {learning_rate: 0.005, schedule: {first_cycle_epochs: 2}}"""
CONFIG = f"""
name: killed
image_size: 32
deterministic: true
workers: 0
checkpoint_every: 3
metadata_dropout: 0.3
model: {{variant: v2, backbone: mbconv_tiny, metadata_units: [8, 8]}}
segmenter: {{arguments: {{widths: [4, 8]}}}}
stages:
  segmentation: {{epochs: {EPOCHS["segmentation"]}, batch_size: 2, ema: 0.9, {_OPTIMIZER}}}
  cnn:
    epochs: {EPOCHS["cnn"]}
    batch_size: 2
    ema: 0.9
    {_OPTIMIZER}
    unfreeze:
    - {{from_epoch: 0, parts: [head, stem, last_block]}}
    - {{from_epoch: 1, parts: [all]}}
  head: {{epochs: {EPOCHS["head"]}, batch_size: 2, views: 2, ema: 0.9, {_OPTIMIZER}}}
"""
CNN_ALONE = [
    "model={variant: v1, backbone: mbconv_tiny, metadata_units: [8, 8]}",
    "segmenter=null",
    "stages.segmentation=null",
    "stages.head=null",
    "stages.cnn.unfreeze=null",
]
_PATIENCE_SECONDS = 600


def train(*arguments: object) -> subprocess.Popen:
    command = [sys.executable, "-m", "skinnet_keras.cli.main", "train", *map(str, arguments)]
    return subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=os.environ
    )


def finish(process: subprocess.Popen) -> None:
    _, said = process.communicate(timeout=_PATIENCE_SECONDS)
    assert process.returncode == 0, said[-3000:]


def epochs_done(run: Path, stage: str) -> int:
    state = run / "checkpoints" / stage / "state.json"
    return json.loads(state.read_text())["epoch"] if state.is_file() else 0


def history(run: Path) -> list[dict[str, str]]:
    with (run / "history.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def kill_in_the_epoch_after(process: subprocess.Popen, run: Path, stage: str, epoch: int) -> None:
    """Let the process die while it trains a stage that has done `epoch` epochs at least."""
    started = time.monotonic()
    while epochs_done(run, stage) < epoch or not (run / "checkpoints" / stage).is_dir():
        assert process.poll() is None, process.communicate()[1][-3000:]
        assert time.monotonic() - started < _PATIENCE_SECONDS
        time.sleep(0.005)
    # A third into the next epoch, or into building the stage's first training step.
    time.sleep(min(0.2, float(history(run)[-1]["seconds"]) / 3) if epoch else 1.0)
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stderr.close()
    assert process.returncode == -signal.SIGKILL
    assert epoch <= epochs_done(run, stage) < EPOCHS[stage]
    assert not (run / "metrics.json").exists()


@pytest.mark.parametrize(
    ("overrides", "kills"),
    [
        # What most of the time goes into is left out: other stages, a second training step.
        pytest.param(CNN_ALONE, [("cnn", 2)], id="cnn_alone"),
        pytest.param(
            [],
            [("segmentation", 2), ("cnn", 0), ("cnn", 1), ("head", 2)],
            id="every_stage",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_killed_and_resumed_run_ends_with_the_same_bits(tmp_path, overrides, kills):
    catalogue = make_catalogue(tmp_path / "catalogue", images=60)
    config, whole, run = tmp_path / "killed.yaml", tmp_path / "whole", tmp_path / "run"
    config.write_text(CONFIG)
    start = ["--config", config, "--data", catalogue.root, *overrides]
    finish(train(*start, "--out", whole))
    arguments = [*start, "--out", run]
    for stage, epoch in kills:
        kill_in_the_epoch_after(train(*arguments), run, stage, epoch)
        arguments = ["--resume", run]
    finish(train(*arguments))

    log = (run / "train.log").read_text()
    for stage, epoch in kills:
        assert not epoch or f"{stage}: resumed after epoch" in log
    for file in whole.glob("*.keras"):
        expected, actual = (load_keras(x / file.name).get_weights() for x in (whole, run))
        differing = sum(not np.array_equal(a, b) for a, b in zip(actual, expected, strict=True))
        assert not differing, f"{differing} of {len(expected)} weights of {file.name} differ"
    others = [x.name for x in whole.iterdir() if x.name.startswith(("predictions_", "masks."))]
    for name in ("metrics.json", *others):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name
    produced = [{x.name for x in each.iterdir()} for each in (run, whole)]
    assert produced[0] == produced[1] >= {"final.keras", "best.keras", "predictions_test.csv"}
    rows = [[{**row, "seconds": ""} for row in history(each)] for each in (run, whole)]
    assert rows[0] == rows[1]
    kept = sorted(path.relative_to(run) for path in run.glob("checkpoints/*/*"))
    assert kept == sorted(path.relative_to(whole) for path in whole.glob("checkpoints/*/*"))
