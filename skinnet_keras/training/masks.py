"""Masks the classifiers see: predicted by a segmentation network for every image."""

from __future__ import annotations

import csv
import math
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.cache import ImageCache
from skinnet_keras.data.cache_arrays import allocate_array
from skinnet_keras.data.pipeline import evaluation_dataset
from skinnet_keras.data.predicted_masks import StoredMasks
from skinnet_keras.data.samples import Samples
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.errors import UserError
from skinnet_keras.runs.masks import MASKS_FILE, TABLE_FILE, PredictedMasks, read_mask_table
from skinnet_keras.runs.run import Run
from skinnet_keras.training.joint_result import segmenter_was_tuned


def run_of_segmenter(run: Run) -> Run | None:
    """Return the run that trained the segmentation network of a run last: itself, or the one named.

    None where the run has no such network, or a run on the way there is gone.
    """
    if run.config.segmenter is None:
        return None
    if not run.config.segmenter.run or segmenter_was_tuned(run):
        return run
    try:
        return run_of_segmenter(Run.open(Path(run.config.segmenter.run)))
    except UserError:
        return None


def network_origin(run: Run) -> str:
    """Return `mask_origin` of what a run's own segmentation network predicts.

    Args:
        run: A run that trained the network, see `run_of_segmenter`.
    """
    if run.config.segmenter is None:
        raise ValueError("the run has no segmenter")
    for row in read_mask_table(run.directory) or ():
        return row["mask_origin"]
    return f"predicted:{run.config.name}/{run.config.segmenter.name}"


def training_images(run: Run) -> set[str] | None:
    """Return the images that a run trained its segmentation network on, by `image_id`.

    None where the run has no table of masks to tell by.
    """
    rows = read_mask_table(run.directory)
    return None if rows is None else {row["image_id"] for row in rows if row["in_sample"] == "1"}


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
    all_known: bool = True,
    origin: str | None = None,
    directory: Path | None = None,
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
        all_known: Whether these are all of them; else `in_sample` of the others is empty.
        origin: `mask_origin`; None for "predicted:<run>/<network>".
        directory: Where the two files go; None for the run's directory.
        batch_size: Images a prediction step.

    Returns:
        The masks, memory-mapped.
    """
    samples = Samples(cache=cache, image_ids=cache.image_ids, input_names=("image",))
    batches = evaluation_dataset(samples, batch_size=batch_size, pad=True)
    count = len(samples)
    origin = origin or f"predicted:{run.config.name}/{segmenter.name}"
    directory = directory or run.directory
    other = "0" if all_known else ""
    rows = [(i, origin, "1" if i in trained_on else other) for i in cache.image_ids]
    with _new_masks(directory, rows, cache.image_size) as masks:
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
    return PredictedMasks.open(directory)


def import_masks(stored: StoredMasks, cache: ImageCache, target: Path) -> PredictedMasks:
    """Copy masks of the catalogue into a run, which then needs them no longer.

    Args:
        stored: The catalogue's masks.
        cache: The run's images: every one gets its mask, at their size.
        target: The run's directory, for `masks.npy` and `masks.csv`.

    Returns:
        The masks, memory-mapped.

    Raises:
        UserError: A mask is missing or cannot be read.
    """
    image_ids, size = cache.image_ids, cache.image_size
    origins = [stored.rows[image_id] for image_id in image_ids]
    rows = [(row.image_id, row.mask_origin, row.in_sample_cell) for row in origins]
    with _new_masks(target, rows, size) as masks:

        def fill(row: int) -> None:
            masks[row] = stored.read(image_ids[row], size)

        for _ in map_in_threads(fill, range(len(image_ids)), "Reading masks"):
            pass
    return PredictedMasks.open(target)


def link_masks(source: Path, target: Path) -> PredictedMasks:
    """Use another run's masks in this one; it needs that run no longer, wherever either moves.

    As hard links, which take no room and are never written through: masks are replaced as a whole.

    Raises:
        UserError: The other run holds no masks, or they are damaged.
    """
    PredictedMasks.open(source)
    for name in (MASKS_FILE, TABLE_FILE):
        original = (source / name).resolve()
        try:
            (target / name).unlink(missing_ok=True)  # what an interrupted copy left
            os.link(original, target / name)
        except OSError:  # another disk, or a file system without links
            with atomic_file(target / name) as temporary:
                shutil.copyfile(original, temporary)
    return PredictedMasks.open(target)


@contextmanager
def _new_masks(
    directory: Path, rows: Sequence[tuple[str, str, str]], size: int
) -> Iterator[np.ndarray]:
    """Yield a run's `masks.npy`, uint8 (len(rows), size, size), to fill; write the table after it.

    Args:
        directory: The run's directory.
        rows: `image_id`, `mask_origin` and `in_sample` ("1", "0", "" where not known) of each mask.
        size: Side of the masks in pixels.
    """
    with atomic_file(directory / MASKS_FILE) as temporary:
        shape = (len(rows), size, size)
        masks = allocate_array(temporary, shape)
        yield masks
        masks.flush()
    with (
        atomic_file(directory / TABLE_FILE) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file)
        writer.writerow(["image_id", "mask_origin", "in_sample"])
        writer.writerows(rows)
