"""A small experiment that is tracked."""

from __future__ import annotations

from skinnet_keras.config import Config, parse_config


def tiny_config(tracking: dict, *, epochs: int = 3) -> Config:
    """A segmentation network for three epochs, a checkpoint after the second and the third."""
    raw = {
        "name": "tiny",
        "image_size": 32,
        "segmenter": {"arguments": {"widths": [2, 4]}},
        "stages": {"segmentation": {"epochs": epochs, "batch_size": 2}},
        "checkpoint_every": 2,
        "deterministic": True,
        "workers": 0,
        "tracking": tracking,
    }
    return parse_config(raw, "tiny")
