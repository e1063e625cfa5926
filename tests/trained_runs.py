"""Trains runs of every kind on a dozen pictures; seconds each, with TensorFlow run eagerly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from skinnet_keras.config import CleaningConfig, Config
from skinnet_keras.data.predicted_masks import MaskRow, masks_folder, write_mask, write_tables
from skinnet_keras.experiment import run_experiment, start_run
from skinnet_keras.runs.run import Run
from tiny_run import SIZE, draw_picture, make_catalogue, make_run

_STAGE = {
    "epochs": 1,
    "batch_size": 4,
    "optimizer": {"learning_rate": 0.01, "schedule": {"name": "constant"}},
}
_MODEL = {"backbone": "mbconv_tiny", "metadata_units": [8]}
_SEGMENTER: dict[str, Any] = {"arguments": {"widths": [4, 8]}}

KINDS: dict[str, dict[str, Any]] = {
    # The plain backbone, image alone.
    "baseline": {"model": {**_MODEL, "variant": "v1", "metadata": False}, "num_classes": 9},
    "cleaned": {
        "model": {**_MODEL, "variant": "v1"},
        "cleaning": CleaningConfig(hair=True, colour_constancy=True),
        "unseen": ["DF"],
    },
    "own_masks": {
        "model": {**_MODEL, "variant": "v3"},
        "segmenter": _SEGMENTER,
        "stages": {"segmentation": _STAGE, "cnn": _STAGE},
    },
    "joint": {
        "model": {**_MODEL, "variant": "v2"},
        "segmenter": _SEGMENTER,
        "stages": {
            "segmentation": _STAGE,
            "cnn": _STAGE,
            "joint": {**_STAGE, "segmenter": True, "mask_loss_weight": 0.5},
        },
    },
    "catalogue_masks": {
        "model": {**_MODEL, "variant": "v4", "lesion_backbone": "mbconv_tiny"},
        "segmenter": {"masks": "drawn"},
    },
}


def train_tiny(root: Path, kind: str) -> Run:
    """Train a run of one of `KINDS` in `root`; its folder is named as the kind."""
    changes = dict(KINDS[kind])
    if kind == "catalogue_masks":
        source = make_run(root / "source")
        catalogue = Run.open(source).load_catalogue()
        folder = masks_folder(catalogue, "drawn")
        rows = [
            MaskRow(i, write_mask(folder, i, draw_picture(n)[1]), "predicted:drawn", False)
            for n, i in enumerate(catalogue.table["image_id"])
        ]
        write_tables(folder, rows, {"cleaning": CleaningConfig().model_dump()})
        changes["segmenter"] = {"run": str(source), **changes["segmenter"]}
    else:
        catalogue = make_catalogue(root / "data")
    settings = {"name": kind, "image_size": SIZE, "stages": {"cnn": _STAGE}, "workers": 0}
    run = start_run(Config.model_validate(settings | changes), catalogue, root / kind)
    run_experiment(run)
    return run
