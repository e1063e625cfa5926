"""tf.data input pipelines: cached images in, shuffled and augmented batches out.

Augmentation runs in worker processes, because albumentations inside a tf.data map is bound by
Python's global lock; `scripts/benchmarks/input_pipeline.py` compares the alternatives. Or it is
left to the accelerator (`skinnet_keras.training.device_augmentation`): the batches then bring the
keys it needs.
"""

from __future__ import annotations

import os
from functools import lru_cache
from types import TracebackType
from typing import TYPE_CHECKING

import numpy as np

from skinnet_keras.data.augmentation import Augmenter, augment_batch
from skinnet_keras.data.batch_source import BatchSource
from skinnet_keras.data.batches import batch_arrays, batch_dataset
from skinnet_keras.data.samples import (
    Samples,
    augmentation_indices,
    augmentation_keys,
    draw_epoch,
    drop_metadata,
)
from skinnet_keras.data.views import View
from skinnet_keras.data.worker_pool import WorkerPool
from skinnet_keras.errors import UserError

if TYPE_CHECKING:
    import tensorflow as tf

__all__ = ["Samples", "TrainingData", "evaluation_dataset", "training_dataset"]

_PROCESSES_FROM_SIZE = 128
_MAX_WORKERS = 16


class TrainingData:
    """An endless training stream and the worker processes behind it; a context manager.

    Use it as::

        with training_dataset(samples, batch_size=32, augmenter=Augmenter(224), seed=0) as data:
            model.fit(
                data.dataset, steps_per_epoch=data.steps_per_epoch, epochs=20, shuffle=False
            )

    Attributes:
        dataset: Infinite `tf.data.Dataset`. Every iterator over it starts with the first epoch,
            so the batch `fit` takes to build the model is seen again, not lost.
        steps_per_epoch: Batches an epoch.
    """

    def __init__(self, dataset: tf.data.Dataset, steps_per_epoch: int, source: BatchSource):
        self.dataset = dataset
        self.steps_per_epoch = steps_per_epoch
        self._source = source

    def close(self) -> None:
        """End the worker processes. The data set cannot be read any further."""
        self._source.close()

    def __enter__(self) -> TrainingData:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def training_dataset(
    samples: Samples,
    *,
    batch_size: int,
    augmenter: Augmenter | None,
    seed: int,
    first_epoch: int = 0,
    workers: int | None = None,
    drop_remainder: bool = True,
    metadata_dropout: float = 0.0,
    with_keys: bool = False,
) -> TrainingData:
    """Build the training stream of consecutive epochs `first_epoch`, `first_epoch + 1`, ...

    The order of epoch e depends on (seed, e) only, the augmentation of image i in it on (seed, e,
    i) only: a fit resumed with `first_epoch=e` and `initial_epoch=e` sees what an uninterrupted
    one sees from epoch e on, with any number of workers.

    Args:
        samples: The images and what goes with them.
        batch_size: Images a batch, over all replicas of a distribution strategy.
        augmenter: The augmentation, or None.
        seed: Seed, >= 0.
        first_epoch: Epoch the stream begins with.
        workers: Number of worker processes; 0: augment in this process; None: one a core (at most
            16), and 0 for images below 128 pixels, without augmentation or on a single core.
        drop_remainder: Whether the last, smaller batch of an epoch is dropped. Needed under
            `MirroredStrategy`; the batch dimension is then static.
        metadata_dropout: Probability with which age, sex and site are each set to missing.
        with_keys: Whether x has "augmentation_key", too, for augmentation on the accelerator.

    Returns:
        The data; its elements are (x, y) or (x, y, sample_weight). x: dict of float32 tensors
        "image" (B, S, S, 3) in 0..255, "mask" (B, S, S, 1) in {0, 1}, "metadata" (B, 14), of
        which `samples.input_names` says, and perhaps "augmentation_key", uint32 (B, 2).
        y: one-hot float32 (B, K), or for the target "mask" {"mask_logits": float32
        (B, S, S, 1)}. sample_weight: float32 (B,). For the target "label_and_mask" y and
        sample_weight are dicts with "diagnosis" and "mask_logits".

    Raises:
        UserError: There are fewer images than one batch.
        ValueError: An argument is out of range, the labels are missing, or the images would be
            augmented twice.
    """
    import tensorflow as tf

    if augmenter is not None and with_keys:
        raise ValueError("Augment here (augmenter) or on the accelerator (with_keys), not twice.")
    if batch_size < 1 or seed < 0 or first_epoch < 0 or (workers or 0) < 0:
        raise ValueError("batch_size must be >= 1; seed, first_epoch and workers >= 0.")
    if not 0.0 <= metadata_dropout <= 1.0:
        raise ValueError(f"metadata_dropout must be a probability, got {metadata_dropout}.")
    if samples.target != "mask" and samples.labels is None:
        raise ValueError("Training on labels needs samples.labels.")
    steps = len(samples) // batch_size if drop_remainder else -(-len(samples) // batch_size)
    if not steps:
        raise UserError(
            f"{len(samples)} training images do not fill one batch of {batch_size}: "
            "use a smaller batch size or more images."
        )
    if workers is None:
        workers = _default_workers(samples.cache.image_size)
    if augmenter is None:
        workers = 0  # reading the memory map needs no help
    pool = None
    if augmenter is not None and workers:
        pool = WorkerPool(samples, augmenter, seed=seed, workers=workers)

    @lru_cache(maxsize=2)
    def epoch_plan(epoch: int) -> tuple[np.ndarray, np.ndarray]:
        order = draw_epoch(samples, seed=seed, epoch=epoch)
        return order, augmentation_indices(order)

    def load(step: int) -> dict[str, np.ndarray]:
        epoch, batch = divmod(step, steps)
        order, indices = epoch_plan(epoch)
        positions = order[batch * batch_size : (batch + 1) * batch_size]
        indices = indices[batch * batch_size : (batch + 1) * batch_size]
        if pool is not None:
            images, masks = pool.load(positions, epoch=epoch, indices=indices)
        else:
            images, masks = samples.images_at(positions), samples.masks_at(positions)
            if augmenter is not None:
                augment_batch(augmenter, images, masks, seed=seed, epoch=epoch, indices=indices)
        arrays = batch_arrays(samples, positions, images, masks)
        if with_keys:
            keys = augmentation_keys(seed=seed, epoch=epoch, indices=indices)
            arrays["augmentation_key"] = keys
        if metadata_dropout and "metadata" in arrays:
            arrays["metadata"] = drop_metadata(
                arrays["metadata"], rate=metadata_dropout, seed=seed, epoch=epoch, indices=indices
            )
        return arrays

    source = BatchSource(load, on_close=pool.close if pool is not None else None)
    dataset = batch_dataset(
        tf.data.Dataset.counter(start=first_epoch * steps),
        source,
        samples,
        with_keys=with_keys,
        batch_size=batch_size if drop_remainder else None,
        # More calls than workers: no worker waits while a finished batch is converted.
        parallel_calls=workers + 2 if pool is not None else None,
    )
    return TrainingData(dataset, steps, source)


def evaluation_dataset(
    samples: Samples,
    *,
    batch_size: int,
    pad: bool = False,
    augmenter: Augmenter | None = None,
    seed: int = 0,
    epoch: int = 0,
    view: View | None = None,
) -> tf.data.Dataset:
    """Build one pass over the images in their own order.

    Args:
        samples: The images and what goes with them.
        batch_size: Images a batch, over all replicas of a distribution strategy.
        pad: Whether to fill the last batch up with repetitions of the last image, so that all
            batches have one size (`MirroredStrategy`). The caller cuts the predictions to
            `len(samples)`, and computes no metric over the padded rows.
        augmenter: None for the images as they are; else each image gets the augmentation it gets
            in training epoch `epoch` under `seed` (features of augmented views).
        seed: Seed of the augmentation.
        epoch: Epoch of the augmentation.
        view: View in which images and masks are shown (test-time augmentation); None for the
            images themselves.

    Returns:
        A finite `tf.data.Dataset` of known cardinality with the elements of `training_dataset`;
        without labels, where the target is "label", only x.

    Raises:
        ValueError: There is no image, or `batch_size` is below 1.
    """
    import tensorflow as tf

    if batch_size < 1 or not len(samples):
        raise ValueError("batch_size must be >= 1 and there must be an image.")
    last = len(samples) - 1

    def load(step: int) -> dict[str, np.ndarray]:
        positions = np.arange(step * batch_size, (step + 1) * batch_size)
        positions = np.minimum(positions, last) if pad else positions[positions <= last]
        images, masks = samples.images_at(positions), samples.masks_at(positions)
        if augmenter is not None:
            augment_batch(augmenter, images, masks, seed=seed, epoch=epoch, indices=positions)
        if view is not None:
            images = view.of_images(images)
            masks = None if masks is None else view.of_masks(masks)
        return batch_arrays(samples, positions, images, masks)

    steps = -(-len(samples) // batch_size)
    full = pad or len(samples) % batch_size == 0
    return batch_dataset(
        tf.data.Dataset.range(steps),
        BatchSource(load),
        samples,
        batch_size=batch_size if full else None,
        parallel_calls=None,
    )


def _default_workers(image_size: int) -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # absent on macOS and Windows
    cores = len(affinity(0)) if affinity else os.cpu_count() or 1
    return min(cores, _MAX_WORKERS) if image_size >= _PROCESSES_FROM_SIZE and cores > 1 else 0
