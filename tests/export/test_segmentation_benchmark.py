"""Speed of one network: what is measured, and what is said where something cannot be."""

from __future__ import annotations

import json

import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.export import segmentation_benchmark
from skinnet_keras.export.complexity import multiply_accumulates, trainable_parameters
from skinnet_keras.export.machine import describe_machine
from skinnet_keras.export.segmentation_benchmark import benchmark_segmenter
from skinnet_keras.models import build_segmenter
from skinnet_keras.training.segmentation import prediction_part

TRANSFUSE = {
    "resnet_width": 8,
    "resnet_blocks": [1, 1, 1],
    "token_width": 16,
    "depth": 1,
    "num_heads": 2,
}
QUICK = {"image_size": 32, "batch_size": 2, "seconds": 0.0, "threads": 1}


def test_size_with_and_speed_without_auxiliary_outputs():
    speed = benchmark_segmenter("transfuse", arguments=TRANSFUSE, **QUICK)
    network = build_segmenter("transfuse", image_size=32, **TRANSFUSE)
    assert speed.parameters == trainable_parameters(network)
    assert speed.macs == multiply_accumulates(prediction_part(network))
    assert speed.macs < multiply_accumulates(network)
    assert speed.train_images_per_second > 0
    assert 0 < speed.keras_ms_min <= speed.keras_ms
    assert 0 < speed.tflite_ms_min <= speed.tflite_ms
    assert speed.tflite_bytes > 4 * trainable_parameters(prediction_part(network))
    assert speed.tflite_refused is None
    assert speed.machine == describe_machine()
    assert json.loads(json.dumps(speed.to_dict()))["arguments"] == TRANSFUSE


def test_a_network_without_tflite_is_measured_all_the_same(monkeypatch):
    def refuse(*_, **__):
        raise UserError("The model needs\noperators.")

    monkeypatch.setattr(segmentation_benchmark, "write_tflite", refuse)
    speed = benchmark_segmenter("unet", arguments={"widths": [2, 4]}, **QUICK)
    assert speed.tflite_refused == "The model needs operators."
    assert (speed.tflite_ms, speed.tflite_ms_min, speed.tflite_bytes) == (None, None, None)
    assert speed.train_images_per_second > 0


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("unet", {"arguments": {"depth": 3}}, "unet: .*depth"),
        ("unet", {"arguments": {}, "image_size": 40}, "unet: .*40"),
        ("u_net", {"arguments": {}}, "unknown segmenter 'u_net'"),
        ("unet", {"arguments": {}, "image_size": 8}, "image_size"),
    ],
)
def test_impossible_networks_are_refused(name, changes, message):
    with pytest.raises(UserError, match=message):
        benchmark_segmenter(name, **{**QUICK, **changes})


def test_the_first_calls_do_not_count(monkeypatch):
    clock = iter(range(100))
    monkeypatch.setattr(segmentation_benchmark.time, "perf_counter", lambda: next(clock))
    calls = []
    assert segmentation_benchmark._durations(lambda: calls.append(1), 0) == [1, 1, 1]
    assert len(calls) == 5
    assert segmentation_benchmark._durations(lambda: calls.append(1), 7) == [1] * 7


def test_training_steps_are_timed_without_the_first(monkeypatch):
    timer = segmentation_benchmark._StepTimer(seconds=6.0)
    timer.set_model(type("Model", (), {"stop_training": False})())
    clock = iter([0, 100, 100, 200, 200, 202, 202, 204, 204, 206])
    monkeypatch.setattr(segmentation_benchmark.time, "perf_counter", lambda: next(clock))
    for step in range(5):
        assert not timer.model.stop_training
        timer.on_train_batch_begin(step)
        timer.on_train_batch_end(step, {"loss": 1.0})
    assert timer.model.stop_training
    assert timer.taken == [100, 100, 2, 2, 2]
