"""A stage with averages and unfreezing, interrupted, where devices or precision differ.

The devices and the backend must be set up before Keras starts: hence processes of their own.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import json, sys
from dataclasses import replace
from pathlib import Path
import tensorflow as tf
import keras
import numpy as np

folder, distribute, policy = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if distribute == "mirrored":
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
keras.config.set_dtype_policy(policy)

from small_stage import STEPS, small_run, small_stage, stage_config
from skinnet_keras.training import checkpoints as ckpt
from skinnet_keras.training.distribution import build_strategy, replicas, scope
from skinnet_keras.training.fit import fit_stage, load_weights

strategy = build_strategy(distribute)
unfreeze = [{"from_epoch": 0, "parts": ["head", "stem"]}, {"from_epoch": 1, "parts": ["all"]}]
config = stage_config(epochs=3, ema=0.8, unfreeze=unfreeze)

def fit(name, interrupted_in=None):
    run = small_run(folder / name, config)
    with scope(strategy):
        stage = small_stage(config, (0.5, 0.7, 0.4))
    if interrupted_in is not None:
        whole_validate = stage.validate
        def validate(*arguments):
            figures = whole_validate(*arguments)
            if len(run.history()) == interrupted_in:
                raise KeyboardInterrupt
            return figures
        stage = replace(stage, validate=validate)
    try:
        fit_stage(run, stage, strategy)
    except KeyboardInterrupt:
        return None
    weights = {}
    for key, best in (("final", False), ("best", True)):
        load_weights(run, "cnn", stage.model, best=best)
        weights[key] = stage.model.get_weights()
    stage.model.load_weights(run.stage_directory("cnn") / "epoch_0003.weights.h5")
    weights["raw"] = stage.model.get_weights()
    return weights

whole = fit("whole")
for epoch in (1, 2):  # the checkpoint is at the boundary, then behind it
    assert fit("run", epoch) is None
    assert ckpt.epochs_done(folder / "run" / "checkpoints" / "cnn") == epoch
resumed = fit("run")
def difference(a, b):
    return max(float(np.abs(x - y).max()) for x, y in zip(a, b, strict=True))
print(json.dumps({
    "replicas": replicas(strategy),
    "resumed": {key: difference(whole[key], resumed[key]) for key in whole},
    "averaged": difference(whole["final"], whole["raw"]),
}))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "distribute", "policy"),
    [
        ("tensorflow", "mirrored", "float32"),
        ("tensorflow", "mirrored", "mixed_float16"),
        ("tensorflow", "none", "mixed_float16"),
        ("jax", "none", "float32"),
        ("jax", "none", "mixed_float16"),
    ],
)
def test_interrupted_stage_ends_with_the_same_weights(backend, distribute, policy, tmp_path):
    if backend == "jax":
        pytest.importorskip("jax", reason="jax is not installed")
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path), distribute, policy],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": f"{tests.parent}:{tests}"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["replicas"] == (2 if distribute == "mirrored" else 1)
    assert result["resumed"] == pytest.approx(dict.fromkeys(("final", "best", "raw"), 0), abs=1e-6)
    assert result["averaged"] > 1e-3
