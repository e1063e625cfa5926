"""A small experiment that is tracked."""

from __future__ import annotations

from skinnet_keras.config import Config, parse_config


def tiny_config(tracking: dict, **changes) -> Config:
    """Two short stages, one checkpoint every two epochs."""
    raw = {
        "name": "tiny",
        "image_size": 32,
        "model": {"variant": "v1", "backbone": "mbconv_tiny", "metadata_units": [8, 8]},
        "segmenter": {"arguments": {"widths": [4, 8]}},
        "stages": {
            "segmentation": {"epochs": 1, "batch_size": 2},
            "cnn": {"epochs": 3, "batch_size": 2},
        },
        "checkpoint_every": 2,
        "deterministic": True,
        "workers": 0,
        "tracking": tracking,
    }
    return parse_config({**raw, **changes}, "tiny")
