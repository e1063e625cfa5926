"""Stage (c) on cached features: the frozen CNN runs once over V augmented views, not each epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.samples import Samples, augmentation_indices, draw_epoch, drop_metadata
from skinnet_keras.training.prediction import predict_features


def cached_views(
    directory: Path,
    cnn: keras.Model,
    samples: Samples,
    *,
    augmenter: Augmenter | None,
    views: int,
    seed: int,
) -> list[np.ndarray]:
    """Features of the training images under `views` augmentations, kept on disk.

    View v is what the augmentation of epoch v makes of the images; without an augmenter one view
    is enough. A view that is already on disk (a resumed run) is not computed again.

    Args:
        directory: Folder for `view_<v>.npy`.
        cnn: The frozen CNN branches.
        samples: The training images.
        augmenter: The augmentation, or None.
        views: V.
        seed: Seed of the augmentation.

    Returns:
        V memory maps, float32 (N, F).
    """
    plain = replace(
        samples, labels=None, metadata=None, sample_weight=None, input_names=_images(samples)
    )
    paths = [directory / f"view_{v}.npy" for v in range(views if augmenter else 1)]
    console = Console(stderr=True)
    steps = track(
        paths,
        description="features of views",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    for v, path in enumerate(steps):
        if not path.is_file():
            features = predict_features(cnn, plain, augmenter=augmenter, seed=seed, epoch=v)
            with atomic_file(path) as temporary:
                np.save(temporary, features)
    return [np.load(path, mmap_mode="r") for path in paths]


def validation_views(
    cnn: keras.Model, samples: Samples, *, augmenter: Augmenter | None, views: int, seed: int
) -> list[np.ndarray]:
    """Features of the validation images; in memory, as there are few.

    Args:
        cnn: The frozen CNN branches.
        samples: The validation images.
        augmenter: None for one view of the images as they are; else there are as many views as of
            the training images, view v under the augmentation of epoch v.
        views: V.
        seed: Seed of the augmentation.

    Returns:
        1 or V arrays, float32 (N, F).
    """
    plain = replace(samples, labels=None, metadata=None, input_names=_images(samples))
    return [
        predict_features(cnn, plain, augmenter=augmenter, seed=seed, epoch=v)
        for v in range(views if augmenter else 1)
    ]


def _images(samples: Samples) -> tuple[str, ...]:
    return tuple(name for name in samples.input_names if name != "metadata")


class FeatureBatches:
    """Endless training batches of cached features; epoch e uses view e modulo V.

    Attributes:
        dataset: `tf.data.Dataset` of ({"cnn_features", "metadata"}, one-hot[, weight]).
        steps_per_epoch: Batches an epoch.
    """

    def __init__(
        self,
        views: list[np.ndarray],
        samples: Samples,
        *,
        batch_size: int,
        seed: int,
        first_epoch: int,
        metadata_dropout: float,
    ):
        import tensorflow as tf

        batch_size = min(batch_size, len(samples))
        self.steps_per_epoch = len(samples) // batch_size
        one_hot = np.eye(samples.num_classes, dtype="float32")[samples.labels]

        def batches() -> Iterator[Any]:
            for epoch in count(first_epoch):
                order = draw_epoch(samples, seed=seed, epoch=epoch)
                indices = augmentation_indices(order)
                features = views[epoch % len(views)]
                for step in range(self.steps_per_epoch):
                    part = slice(step * batch_size, (step + 1) * batch_size)
                    rows = order[part]
                    x = {"cnn_features": features[rows]}
                    if "metadata" in samples.input_names and samples.metadata is not None:
                        x["metadata"] = drop_metadata(
                            samples.metadata[rows],
                            rate=metadata_dropout,
                            seed=seed,
                            epoch=epoch,
                            indices=indices[part],
                        )
                    y = one_hot[rows]
                    weight = samples.sample_weight
                    yield (x, y) if weight is None else (x, y, weight[rows])

        signature = tf.nest.map_structure(
            lambda array: tf.TensorSpec(array.shape, array.dtype), next(batches())
        )
        dataset = tf.data.Dataset.from_generator(batches, output_signature=signature)
        self.dataset = dataset.prefetch(2)

    def __enter__(self) -> FeatureBatches:
        return self

    def __exit__(self, *error: object) -> None:
        return None
