"""What is timed inside the child process."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from skinnet_keras.export.deployment_benchmark import memory, worker
from skinnet_keras.export.deployment_benchmark.inputs import make_inputs
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.runner import Runner
from tiny_run import build_classifier


class CountingRunner(Runner):
    """Remembers the size of every batch."""

    format = "tflite"
    _batch_size = 3

    def __init__(self):
        super().__init__({"image": (16, 16, 3)}, {"diagnosis": (8,)})
        self.sizes = []

    def predict(self, inputs):
        self.sizes.append(len(inputs["image"]))
        return {}

    def _predict(self, batch):
        raise NotImplementedError


@pytest.fixture
def measurement(monkeypatch, tmp_path):
    runner = CountingRunner()
    monkeypatch.setattr(
        "skinnet_keras.inference.runners.open_runner", lambda path, num_threads: runner
    )
    np.savez(tmp_path / "inputs.npz", **make_inputs(16))
    opened = worker.Measurement("somewhere", 1)
    opened.inputs = str(tmp_path / "inputs.npz")
    return opened


def test_opening_tells_the_image_size_the_time_and_the_memory(measurement):
    opened = measurement.opened
    assert opened["image_size"] == 16
    assert opened["load_seconds"] >= 0
    assert opened["start_bytes"] > 0
    assert opened["loaded_bytes"] > 0


def test_first_call_is_one_example_then_both_batches_are_warmed_up(measurement):
    answer = measurement.first(measurement.inputs, largest=8)
    assert answer["batch_size"] == 3
    assert measurement.runner.sizes == [1, 1, 1, 3, 3]


def test_no_more_examples_than_there_are(measurement):
    assert measurement.first(measurement.inputs, largest=2)["batch_size"] == 2


def test_a_round_leaves_its_first_call_out_and_counts_three_at_least(measurement, monkeypatch):
    measurement.first(measurement.inputs, largest=8)
    measurement.runner.sizes.clear()
    clock = iter(range(100))
    monkeypatch.setattr(worker.time, "perf_counter", lambda: next(clock))
    processor = iter([10.0, 12.5, 20.0, 21.0])
    monkeypatch.setattr(worker.time, "process_time", lambda: next(processor))
    answer = measurement.round(1, seconds=0.0)
    assert answer == {"seconds": [1, 1, 1], "cpu_seconds": 2.5}
    assert measurement.runner.sizes == [1] * 4
    assert len(measurement.round(3, seconds=5.0)["seconds"]) == 5
    assert measurement.runner.sizes[4:] == [3] * 6


def test_a_keras_model_is_called_compiled():
    model = build_classifier()
    runner = KerasRunner(model)
    batch = {name: values[:1] for name, values in make_inputs(32).items()}
    calls = []
    model.predict_on_batch = lambda inputs: calls.append(inputs) or model(inputs)
    result = worker.fastest_call(runner)(batch)
    assert len(calls) == 1
    np.testing.assert_allclose(result["diagnosis"], runner.predict(batch)["diagnosis"], atol=1e-6)


def test_memory_of_this_process_and_of_a_system_that_does_not_tell(monkeypatch, tmp_path):
    kept = np.ones(2_000_000)
    assert kept.nbytes < memory.resident_bytes() <= memory.peak_bytes()
    monkeypatch.setattr(memory, "_STATUS", tmp_path / "absent")
    assert (memory.resident_bytes(), memory.peak_bytes()) == (None, None)


def test_a_tflite_file_is_opened_without_keras_and_tensorflow(tmp_path):
    (tmp_path / "m.tflite").write_bytes(b"nothing")
    code = (
        "import sys\n"
        "from skinnet_keras.errors import UserError\n"
        "import skinnet_keras.export.deployment_benchmark.worker\n"
        "from skinnet_keras.inference.runners import open_runner\n"
        "try:\n"
        f"    open_runner({json.dumps(str(tmp_path / 'm.tflite'))})\n"
        "except UserError as error:\n"
        "    assert 'is not a TFLite model' in str(error)\n"
        "    print(sorted({'keras', 'tensorflow', 'pandas', 'cv2'} & set(sys.modules)))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
