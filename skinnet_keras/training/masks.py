"""Masks the classifiers see: predicted by the segmentation network for every image."""

from __future__ import annotations

import csv
import math
import os
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.cache import ImageCache
from skinnet_keras.data.pipeline import evaluation_dataset
from skinnet_keras.data.samples import Samples
from skinnet_keras.errors import UserError
from skinnet_keras.training.runs import Run


@dataclass(frozen=True)
class PredictedMasks:
    """Thresholded masks of a run, memory-mapped.

    Attributes:
        masks: uint8 (N, S, S) in {0, 1}.
        row_of: Row of each `image_id`.
    """

    masks: np.ndarray
    row_of: dict[str, int]

    @classmethod
    def open(cls, directory: Path) -> PredictedMasks:
        """Open `masks.npy` and `masks.csv` of a run.

        Raises:
            UserError: The run holds no masks.
        """
        table = directory / "masks.csv"
        if not table.is_file() or not (directory / "masks.npy").is_file():
            raise UserError(f"{directory} holds no predicted masks (masks.npy, masks.csv).")
        with table.open(encoding="utf-8", newline="") as file:
            row_of = {row["image_id"]: i for i, row in enumerate(csv.DictReader(file))}
        return cls(np.load(directory / "masks.npy", mmap_mode="r"), row_of)

    def of(self, image_ids: list[str]) -> np.ndarray:
        """The masks of some images, uint8 (n, S, S), in their order.

        Raises:
            UserError: An image has no predicted mask.
        """
        missing = [image_id for image_id in image_ids if image_id not in self.row_of]
        if missing:
            raise UserError(
                f"{len(missing)} images have no predicted mask, the first is {missing[0]}: "
                "train the segmentation stage on this catalogue."
            )
        return self.masks[[self.row_of[image_id] for image_id in image_ids]]


def logit(probability: float) -> float:
    """Inverse of the sigmoid: a lesion pixel is one whose logit reaches `logit(threshold)`."""
    return math.log(probability / (1.0 - probability))


def predict_masks(
    run: Run,
    segmenter: keras.Model,
    cache: ImageCache,
    *,
    threshold: float,
    trained_on: set[str],
    batch_size: int = 32,
) -> PredictedMasks:
    """Predict the mask of every cached image into the run's `masks.npy` and `masks.csv`.

    Masks are predicted also where ground truth exists: mixing the two would tell a classifier
    the source, and with it the class. `masks.csv` says in `mask_origin` where each comes from;
    `in_sample` marks the images the network was trained on.

    Args:
        run: The run.
        segmenter: Binary segmentation network.
        cache: The images.
        threshold: Lesion probability from which a pixel is lesion.
        trained_on: `image_id` of the segmenter's training images.
        batch_size: Images a prediction step.

    Returns:
        The masks, memory-mapped.
    """
    samples = Samples(cache=cache, image_ids=cache.image_ids, input_names=("image",))
    batches = evaluation_dataset(samples, batch_size=batch_size, pad=True)
    count, size = len(samples), cache.image_size
    with atomic_file(run.directory / "masks.npy") as temporary:
        masks = np.lib.format.open_memmap(temporary, "w+", "uint8", (count, size, size))
        console = Console(stderr=True)
        steps = track(
            batches,
            description="predicting masks",
            total=-(-count // batch_size),
            console=console,
            transient=True,
            disable=not console.is_terminal,
        )
        for step, batch in enumerate(steps):
            # As arrays: other backends do not take TensorFlow's tensors here.
            arrays = {name: np.asarray(tensor) for name, tensor in batch.items()}
            logits = segmenter.predict_on_batch(arrays)["mask_logits"][..., 0]
            stop = min((step + 1) * batch_size, count)
            masks[step * batch_size : stop] = logits[: stop - step * batch_size] >= logit(threshold)
        masks.flush()
        del masks
    origin = f"predicted:{run.config.name}/{segmenter.name}"
    with (
        atomic_file(run.directory / "masks.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["image_id", "mask_origin", "in_sample"])
        writer.writerows([i, origin, int(i in trained_on)] for i in cache.image_ids)
    return PredictedMasks.open(run.directory)


def link_masks(source: Path, target: Path) -> PredictedMasks:
    """Use another run's masks in this one, as symbolic links."""
    for name in ("masks.npy", "masks.csv"):
        if not (target / name).exists():
            os.symlink((source / name).resolve(), target / name)
    return PredictedMasks.open(target)
