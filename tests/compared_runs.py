"""Scores of made-up segmentation networks, for comparisons without a network."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skinnet_keras.evaluation.segmentation.comparison import ComparedRun

MACHINE = {
    "cpu": "A CPU",
    "cores": 2,
    "gpus": [],
    "tensorflow": "2.21.0",
    "keras": "3.15.1",
    "litert": "2.3.0",
}


def make_scores(dice, groups=None) -> pd.DataFrame:
    """A row an image of the given Dice."""
    dice = np.asarray(dice, dtype=float)
    n = len(dice)
    return pd.DataFrame(
        {
            "image_id": [f"made:{i:03}" for i in range(n)],
            "group": list(map(str, range(n))) if groups is None else groups,
            "dice": dice,
            "iou": dice / (2 - dice),
            "hausdorff_95": 2.0,
            "boundary_f1": 0.5,
            "intersection": 50,
            "predicted_pixels": 100,
            "true_pixels": 100,
            "pixels": 1024,
        }
    )


def make_speed(tflite_ms: float | None = 20.0) -> dict:
    """As `SegmenterSpeed.to_dict` gives it."""
    has_tflite = tflite_ms is not None
    return {
        "batch_size": 8,
        "threads": 2,
        "train_images_per_second": 12.5,
        "keras_ms": 30.0,
        "keras_ms_min": 25.0,
        "tflite_ms": tflite_ms,
        "tflite_ms_min": tflite_ms,
        "tflite_bytes": 4_000_000 if has_tflite else None,
        "tflite_refused": None if has_tflite else "It needs tf.Oddity.",
        "machine": MACHINE,
    }


def make_compared(name: str, dice, *, groups=None, speed=None, **changes) -> ComparedRun:
    """A run that scored `dice`."""
    values = {
        "name": name,
        "network": name,
        "arguments": {},
        "image_size": 224,
        "epochs": 60,
        "parameters": 1_039_427,
        "macs": 1_636_894_720,
        "scores": make_scores(dice, groups),
        "speed": speed,
    }
    return ComparedRun(**{**values, **changes})
