"""A made run of tiny networks with the masks and predictions that training would have left."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.config import Config
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.evaluation.split_predictions import write_split_predictions
from skinnet_keras.runs.run import Run
from tiny_run import SIZE, build_positional_classifier, build_segmenter, make_catalogue


def make_measured_run(
    root: Path,
    *,
    name: str = "run",
    variant: str = "v1",
    joint: bool = False,
    images: int = 48,
    classifier=None,
    **config: Any,
) -> Run:
    """Make a run whose every class is in every split.

    Args:
        root: Folder for the run and, once, its catalogue.
        name: Name of the run's folder.
        variant: v1 takes no mask; others see masks of the left half, whatever the lesion.
        joint: Whether the predictions come through the run's segmentation network instead.
        images: Images of the catalogue.
        classifier: Replaces one that minds how an image is turned.
        **config: Changes the config.
    """
    from skinnet_keras.models import attach_segmenter

    exists = (root / "data").exists()
    catalogue = Catalogue.load(root / "data") if exists else make_catalogue(root / "data", images)
    stages: dict[str, Any] = {"cnn": {"epochs": 1}}
    takes_mask = variant != "v1"
    if takes_mask:
        stages["segmentation"] = {"epochs": 1}
    if joint:
        stages["joint"] = {"epochs": 1, "segmenter": True}
    settings = {
        "name": f"tiny_{variant}",
        "image_size": SIZE,
        "model": {"variant": variant},
        "segmenter": {} if takes_mask else None,
        "stages": stages,
    }
    run = Run.create(root / name, Config.model_validate(settings | config), catalogue)
    catalogue = run.load_catalogue()
    model = classifier or build_positional_classifier(with_mask=takes_mask)
    model.save(run.directory / "best.keras")
    if takes_mask:
        build_segmenter().save(run.directory / "segmenter.keras")
        _write_masks(run, list(catalogue.usable()["image_id"]))
    if joint:
        model = attach_segmenter(model, build_segmenter(), 0.5)
    cache = open_cache(catalogue, SIZE, cleaning=run.config.cleaning)
    half = np.zeros((SIZE, SIZE, 1), "float32")
    half[:, : SIZE // 2] = 1
    for split in ("val", "test"):
        rows = catalogue.usable([split])
        rows = rows[rows["label"] != "UNK"]
        ids = list(rows["image_id"])
        inputs = {
            "image": cache.images[cache.rows(ids)].astype("float32"),
            "metadata": MetadataEncoder().encode_table(rows),
            "mask": np.tile(half, (len(ids), 1, 1, 1)),
        }
        names = [tensor.name for tensor in model.inputs]
        outputs = model({name: inputs[name] for name in names}, training=False)["diagnosis"]
        path = run.directory / f"predictions_{split}.csv"
        write_split_predictions(path, catalogue, ids, np.asarray(outputs))
    return run


def _write_masks(run: Run, image_ids: list[str]) -> None:
    masks = np.zeros((len(image_ids), SIZE, SIZE), np.uint8)
    masks[:, :, : SIZE // 2] = 1
    np.save(run.directory / "masks.npy", masks)
    with (run.directory / "masks.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["image_id", "mask_origin", "in_sample"])
        writer.writerows([image_id, "predicted:tiny/x", "0"] for image_id in image_ids)
