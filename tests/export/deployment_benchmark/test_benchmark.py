"""Turns, failures and figures of several artefacts."""

from __future__ import annotations

import signal
import subprocess
from pathlib import Path
from typing import ClassVar

import pytest

from skinnet_keras.export.deployment_benchmark import benchmark
from skinnet_keras.export.deployment_benchmark.benchmark import measure_costs
from skinnet_keras.export.deployment_benchmark.child import Child, ChildFailed
from skinnet_keras.export.deployment_benchmark.subjects import Subject
from skinnet_keras.export.tflite import write_tflite
from tiny_run import build_classifier


def subject(path, threads=1, format_="tflite"):
    path = Path(path)
    return Subject(path, format_, "classifier", "float32", threads, (path,))


@pytest.fixture(scope="module")
def tflite(tmp_path_factory):
    path = tmp_path_factory.mktemp("tflite") / "m_classifier_float32.tflite"
    write_tflite(build_classifier(), path, precision="float32")
    return path


class FakeChild:
    """Answers with figures that depend on the subject's threads; writes down what it is asked."""

    log: ClassVar[list] = []
    batch_size = 1
    fails_at: str | None = None

    def __init__(self, subject):
        self.threads = subject.threads
        self.log.append((self.threads, "start"))

    def opened(self):
        return {"image_size": 16, "load_seconds": 2.0, "start_bytes": 1, "loaded_bytes": 2}

    def ask(self, do, **arguments):
        self.log.append((self.threads, do, arguments.get("batch_size")))
        if self.threads == 2 and do == self.fails_at:
            raise ChildFailed("it broke.")
        each = self.threads * arguments.get("batch_size", 1)
        return {
            "first": {"seconds": 9.0, "batch_size": self.batch_size},
            "round": {"seconds": [each, each, 2.0 * each], "cpu_seconds": 6.0},
            "memory": {"steady_bytes": 3, "peak_bytes": 4},
        }[do]

    def close(self):
        self.log.append((self.threads, "close"))


@pytest.fixture
def fake(monkeypatch):
    monkeypatch.setattr(FakeChild, "log", [])
    monkeypatch.setattr(benchmark, "Child", FakeChild)
    return FakeChild


def subjects(tmp_path, count=3):
    file = tmp_path / "m.tflite"
    file.write_bytes(b"x" * 5)
    return [subject(file, threads) for threads in range(1, count + 1)]


def test_artefacts_take_turns_and_their_calls_are_pooled(fake, tmp_path, monkeypatch):
    monkeypatch.setattr(fake, "batch_size", 4)
    said = []
    results = measure_costs(subjects(tmp_path), rounds=2, seconds=0, progress=said.append)
    assert len(said) == 3 * (2 + 1)
    asked = [(threads, rest[0]) for threads, do, *rest in fake.log if do == "round"]
    assert asked == [(t, batch) for _ in range(2) for t in (1, 2, 3) for batch in (1, 4)]
    first, second, _ = results.costs
    assert (first.latency_ms, first.latency_ms_min, first.first_ms) == (1000, 1000, 9000)
    assert first.latency_ms_p95 == 2000  # of 1, 1, 2 and again
    assert (first.calls, first.cpu_ms) == (6, 2000)
    assert first.images_per_second == pytest.approx(6 / 8)
    assert (second.batch_size, second.batch_images_per_second) == (4, pytest.approx(24 / 64))
    assert (first.bytes, first.start_bytes, first.loaded_bytes) == (5, 1, 2)
    assert (first.steady_bytes, first.peak_bytes) == (3, 4)
    assert results.failures == []


def test_one_example_at_a_time_has_no_batch_figure(fake, tmp_path):
    (cost,) = measure_costs(subjects(tmp_path, 1), rounds=1, seconds=0).costs
    assert (cost.batch_size, cost.batch_images_per_second) == (1, None)
    assert [entry for entry in fake.log if entry[1] == "round"] == [(1, "round", 1)]


@pytest.mark.parametrize("step", ["first", "round", "memory"])
def test_the_others_go_on_when_one_fails(fake, tmp_path, monkeypatch, step):
    monkeypatch.setattr(fake, "fails_at", step)
    results = measure_costs(subjects(tmp_path), rounds=2, seconds=0)
    assert [cost.threads for cost in results.costs] == [1, 3]
    (failure,) = results.failures
    assert failure.label == "classifier, TFLite float32, 2 threads"
    assert failure.reason == "it broke."
    assert sum(entry == (2, step, 1 if step == "round" else None) for entry in fake.log) == 1


def test_an_interruption_leaves_no_process(fake, tmp_path):
    def interrupt(what):
        if what.startswith("round 1"):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_costs(subjects(tmp_path), rounds=2, seconds=0, progress=interrupt)
    assert sorted(e for e in fake.log if e[1] == "close") == [(t, "close") for t in (1, 2, 3)]


def test_real_processes_one_of_which_cannot_open_its_file(tflite, tmp_path):
    broken = tmp_path / "broken.tflite"
    broken.write_bytes(b"nothing")
    results = measure_costs([subject(broken), subject(tflite, 2)], rounds=2, seconds=0)
    (cost,) = results.costs
    assert (cost.threads, cost.calls, cost.image_size) == (2, 6, 32)
    assert 0 < cost.latency_ms_min <= cost.latency_ms <= cost.latency_ms_p95
    assert cost.bytes == tflite.stat().st_size
    if cost.start_bytes is not None:
        assert cost.start_bytes < cost.loaded_bytes <= cost.peak_bytes
        assert cost.peak_bytes < 300 * 2**20  # TensorFlow is not there
    (failure,) = results.failures
    said = "is not a TFLite model with one signature, or it is damaged."
    assert failure.reason == f"{broken} {said}"


def test_a_killed_process_is_told_from_a_failed_one(tflite):
    child = Child(subject(tflite))
    try:
        child.opened()
        child.process.send_signal(signal.SIGKILL)
        child.process.wait()
        with pytest.raises(ChildFailed, match="ended by signal SIGKILL: out of memory, perhaps"):
            child.ask("memory")
    finally:
        child.close()
    child = Child(subject(tflite))
    try:
        child.opened()
        with pytest.raises(ChildFailed, match=r"failed with .*No such file.*absent\.npz"):
            child.ask("first", inputs="absent.npz", largest=1)
    finally:
        child.close()
    assert child.process.returncode == 1


def test_closing_ends_a_process_that_is_still_busy(tflite):
    child = Child(subject(tflite))
    child.close()
    assert child.process.returncode == -signal.SIGKILL
    with pytest.raises(subprocess.TimeoutExpired):
        # The clean end: a worker stops by itself when its parent is gone.
        orphan = Child(subject(tflite))
        orphan.opened()
        orphan.process.wait(timeout=0.2)
    orphan.process.stdin.close()
    assert orphan.process.wait(timeout=60) == 0
    orphan.process.stdin = None
    orphan.close()
