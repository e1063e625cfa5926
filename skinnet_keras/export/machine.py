"""What a measured time depends on: processor, cores, accelerators and versions."""

from __future__ import annotations

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any


def describe_machine() -> dict[str, Any]:
    """Describe the machine this process runs on.

    Returns:
        `cpu` (model name), `cores` (that this process may use), `gpus` (model names, empty
        without one), `tensorflow`, `keras`, `litert` (versions).
    """
    import tensorflow as tf

    gpus = [
        tf.config.experimental.get_device_details(device).get("device_name", device.name)
        for device in tf.config.list_physical_devices("GPU")
    ]
    return {
        "cpu": _cpu_model(),
        "cores": available_cores(),
        "gpus": gpus,
        "tensorflow": tf.__version__,
        "keras": importlib.metadata.version("keras"),
        "litert": importlib.metadata.version("ai-edge-litert"),
    }


def available_cores() -> int:
    """Logical cores this process may run on."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS and Windows
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _cpu_model() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "") or platform.processor() or platform.machine()
