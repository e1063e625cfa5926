"""All stages of a tiny experiment where Keras or the devices must be set up before they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TWO_CPUS = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""

EXPERIMENT = """
import json, sys
from pathlib import Path
from tiny_run import make_catalogue
from skinnet_keras.config import parse_config
from skinnet_keras.experiment import run_experiment, start_run

folder = Path(sys.argv[1])
stage = {"epochs": 1, "batch_size": 4}
config = {
    "name": "tiny",
    "image_size": 32,
    "model": {"variant": "v2", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
    "segmenter": {"arguments": {"widths": [4, 8]}},
    "stages": {
        **{name: stage for name in ("segmentation", "cnn", "head")},
        "joint": {**stage, "segmenter": True},
    },
    "distribute": sys.argv[2],
    "workers": 0,
}
run = start_run(parse_config(config, "tiny"), make_catalogue(folder / "data"), folder / "run")
print(json.dumps(run_experiment(run)["loss"]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(
    ("backend", "setup", "distribute"), [("jax", "", "auto"), ("tensorflow", TWO_CPUS, "mirrored")]
)
def test_experiment(backend, setup, distribute, tmp_path):
    if backend == "jax":
        pytest.importorskip("jax", reason="jax is not installed")
    tests = Path(__file__).resolve().parents[1]
    done = subprocess.run(
        [sys.executable, "-c", setup + EXPERIMENT, str(tmp_path), distribute],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": str(tests)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout.splitlines()[-1])["test"]["model"] > 0
    assert (tmp_path / "run" / "best.keras").is_file()
    assert (tmp_path / "run" / "final_segmenter.keras").is_file()
