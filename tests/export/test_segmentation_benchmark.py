"""Speed of one network: what is measured, and what is said where something cannot be."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.export import segmentation_benchmark
from skinnet_keras.export.machine import describe_machine
from skinnet_keras.export.segmentation_benchmark import benchmark_segmenter

QUICK = {"image_size": 32, "batch_size": 2, "seconds": 0.0, "threads": 1}


def test_speed_of_keras_and_tflite():
    speed = benchmark_segmenter("unet", arguments={"widths": [2, 4]}, **QUICK)
    assert 0 < speed.keras_ms_min <= speed.keras_ms
    assert 0 < speed.tflite_ms_min <= speed.tflite_ms
    assert speed.tflite_bytes > 4 * speed.parameters
    assert speed.tflite_refused is None
    assert speed.machine == describe_machine()
    assert json.loads(json.dumps(speed.to_dict()))["arguments"] == {"widths": [2, 4]}


def test_auxiliary_outputs_are_trained_only_and_tflite_may_be_missing(monkeypatch):
    def refuse(*_, **__):
        raise UserError("The model needs\noperators.")

    image = keras.Input((32, 32, 3), name="image")
    heads = {
        name: keras.layers.Conv2D(1, size, padding="same", name=name)
        for name, size in (("mask_logits", 3), ("mask_logits_1", 5))
    }
    outputs = {name: head(image) for name, head in heads.items()}
    network = keras.Model({"image": image}, outputs)
    before = {name: head.get_weights()[0] for name, head in heads.items()}
    monkeypatch.setattr(segmentation_benchmark, "configured_segmenter", lambda _: network)
    monkeypatch.setattr(segmentation_benchmark, "write_tflite", refuse)
    speed = benchmark_segmenter("transfuse", **QUICK)
    assert speed.parameters == (3 * 9 + 1) + (3 * 25 + 1)
    assert speed.macs == 32 * 32 * 3 * 9
    assert speed.train_images_per_second > 0
    for name, head in heads.items():
        assert not np.array_equal(head.get_weights()[0], before[name]), name
    assert speed.tflite_refused == "The model needs operators."
    assert (speed.tflite_ms, speed.tflite_ms_min, speed.tflite_bytes) == (None, None, None)


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
