"""A report of made-up figures."""

from __future__ import annotations

import pytest


def _row(kind, format_, label, precision, threads, milliseconds, batch=None):
    return {
        "label": label,
        "kind": kind,
        "format": format_,
        "precision": precision,
        "threads": threads,
        "path": f"exported/m/{label}",
        "bytes": 21 * 2**20,
        "image_size": 224,
        "load_seconds": 0.4,
        "first_ms": 3 * milliseconds,
        "latency_ms": milliseconds,
        "latency_ms_p95": 1.3 * milliseconds,
        "latency_ms_min": 0.9 * milliseconds,
        "cpu_ms": 2 * milliseconds,
        "calls": 40,
        "images_per_second": 1000 / milliseconds,
        "batch_size": 8 if batch else 1,
        "batch_images_per_second": batch,
        "start_bytes": 44 * 2**20,
        "loaded_bytes": 100 * 2**20,
        "steady_bytes": 150 * 2**20,
        "peak_bytes": 180 * 2**20,
    }


@pytest.fixture
def report():
    rows = [
        _row("classifier", "keras", "Keras, 2 threads", "float32", 2, 31.25, 50.0),
        _row("classifier", "tflite", "TFLite float32, 1 thread", "float32", 1, 6.5),
        _row("end_to_end", "savedmodel", "SavedModel, 2 threads", "float32", 2, 123.4, 12.5),
        _row("end_to_end", "onnx", "ONNX Runtime float32, 2 threads", "float32", 2, 40.0, 25.0),
    ]
    machine = {"cpu": "A CPU", "cores": 2, "gpus": [], "tensorflow": "2.21.0", "keras": "3.15.1"}
    return {
        "models": ["runs/m", "exported/m"],
        "rounds": 5,
        "seconds": 1.0,
        "load_average": {"before": 0.1, "after": 1.9},
        "machine": {**machine, "litert": "2.3.0", "python": "3.11.7", "onnxruntime": "1.32.0"},
        "artefacts": rows,
        "failures": [{"label": "classifier, Keras", "path": "p", "reason": "it broke."}],
    }
