"""What the stages of one training share, and how their models are saved."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import keras
import numpy as np

from skinnet_keras.atomic import atomic_file
from skinnet_keras.config import Config
from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.cache import ImageCache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.pipeline import training_dataset
from skinnet_keras.data.samples import Samples
from skinnet_keras.runs.run import Run
from skinnet_keras.training.device_augmentation import PaperAugmentation
from skinnet_keras.training.tracking import Tracker

Metrics = Callable[[np.ndarray, np.ndarray], dict[str, float]]


@dataclass(frozen=True)
class TrainingContext:
    """The run, its data, where it computes and how it is measured.

    Attributes:
        run: The run.
        catalogue: Its catalogue.
        cache: The images at the run's size.
        strategy: `tf.distribute` strategy, or None.
        segmentation_metrics: (predicted, true masks, bool (N, H, W)) -> named figures, among
            them `dice_per_image`.
        classification_metrics: (class indices int (N,), probabilities (N, K)) -> named figures.
        tracker: Where the epochs are recorded besides `history.csv`.
    """

    run: Run
    catalogue: Catalogue
    cache: ImageCache
    strategy: Any | None
    segmentation_metrics: Metrics
    classification_metrics: Metrics
    tracker: Tracker = field(default_factory=Tracker)

    @property
    def config(self) -> Config:
        """The experiment."""
        return self.run.config

    @property
    def augmenter(self) -> Augmenter | None:
        """The training augmentation, or None when it is off."""
        return Augmenter(self.config.image_size) if self.config.augmentation else None

    @property
    def device_augmentation(self) -> PaperAugmentation | None:
        """The augmentation as part of the training step, or None when the workers augment.

        Cached features of augmented views, computed once a run, use `augmenter` in both cases.
        """
        if self.augmenter is None or self.config.augmentation_on == "workers":
            return None
        return PaperAugmentation(**asdict(self.augmenter))

    def validation_view(self, epoch: int) -> dict[str, Any]:
        """How `evaluation_dataset` augments the validation images of an epoch.

        As they are, but with `augment_validation` under (seed, epoch), so that a resumed run sees
        what an uninterrupted one sees.
        """
        augmenter = self.augmenter if self.config.augment_validation else None
        return {"augmenter": augmenter, "seed": self.config.seed, "epoch": epoch}

    def batches(self, samples: Samples, batch_size: int) -> Callable[[int], Any]:
        """A function that opens the training batches from a given epoch on.

        Where `device_augmentation` is not None, they are not augmented and bring the keys for it.
        """
        on_device = self.device_augmentation is not None
        return lambda first_epoch: training_dataset(
            samples,
            batch_size=batch_size,
            augmenter=None if on_device else self.augmenter,
            seed=self.config.seed,
            first_epoch=first_epoch,
            workers=self.config.workers,
            metadata_dropout=self.config.metadata_dropout,
            with_keys=on_device,
        )

    def save_clean(
        self,
        trained: keras.Model,
        build: Callable[[], keras.Model],
        name: str,
        directory: Path | None = None,
    ) -> keras.Model:
        """Save the trained weights in a model fresh from its builder, and return that model.

        The file then holds a float32, uncompiled graph, whatever precision, strategy and
        sub-models the training used.

        Args:
            trained: The model with the weights.
            build: Builds one of the same architecture.
            name: Name of the file.
            directory: Its folder; None for the run's.
        """
        policy = keras.config.dtype_policy()
        keras.config.set_dtype_policy("float32")
        try:
            clean = build()
        finally:
            keras.config.set_dtype_policy(policy)
        clean.set_weights(trained.get_weights())
        with atomic_file((directory or self.run.directory) / name) as temporary:
            clean.save(temporary)
        return clean
