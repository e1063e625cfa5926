"""A run with its catalogue and images, each read once; its samples are assembled here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pandas as pd

from skinnet_keras.config import Config
from skinnet_keras.data.cache import ImageCache, open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.samples import Samples
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.samples import classification_samples, input_names_of, samples_of


@dataclass(frozen=True)
class OpenedRun:
    """A run, and what it was trained and measured on.

    Attributes:
        run: The run directory.
    """

    run: Run

    @classmethod
    def open(cls, directory: Path, *, data: Path | None = None) -> OpenedRun:
        """Open a run directory; arguments and errors as `Run.open`."""
        return cls(Run.open(directory, data=data))

    @property
    def directory(self) -> Path:
        """The run directory."""
        return self.run.directory

    @property
    def config(self) -> Config:
        """The experiment."""
        return self.run.config

    @cached_property
    def catalogue(self) -> Catalogue:
        """Its catalogue, with the splits it saw; errors as `Run.load_catalogue`."""
        return self.run.load_catalogue()

    @cached_property
    def cache(self) -> ImageCache:
        """The images as it saw them: at its size, cleaned as its config says.

        Errors as of `open_cache`, and `Run.check_pixels` where files hold something else by now.
        """
        config = self.config
        cache = open_cache(self.catalogue, config.image_size, cleaning=config.cleaning)
        self.run.check_pixels(cache, masks=config.segmenter is not None)
        return cache

    @cached_property
    def masks(self) -> PredictedMasks | None:
        """The masks its classifier is measured with; None where it is fed none.

        That is, where it takes no mask, and where the joint stage trained the segmentation network
        in front of it: that network's masks count then, whatever lies in the run.
        """
        if not self.config.uses_mask or self.config.tunes_segmenter:
            return None
        return PredictedMasks.open(self.directory)

    def samples(self, split: str) -> Samples:
        """The labelled images of a split with what the stored predictions were made from.

        Args:
            split: `train`, `val` or `test`.

        Raises:
            UserError: No image is left, or the run's masks are missing.
        """
        return self._samples(split, self.masks)

    def training_samples(self, split: str) -> Samples:
        """The same as stages (b) and (c) see them: under the masks that lie in the run."""
        takes_mask = self.config.uses_mask
        return self._samples(split, PredictedMasks.open(self.directory) if takes_mask else None)

    def samples_of(self, rows: pd.DataFrame) -> Samples:
        """Any rows of the catalogue that are in the cache, as `samples`, without labels."""
        return samples_of(
            rows,
            self.cache,
            input_names=input_names_of(self.config, with_mask=self.masks is not None),
            num_classes=self.config.num_classes,
            masks=self.masks,
        )

    def _samples(self, split: str, masks: PredictedMasks | None) -> Samples:
        return classification_samples(
            self.catalogue,
            self.cache,
            split,
            input_names=input_names_of(self.config, with_mask=masks is not None),
            num_classes=self.config.num_classes,
            masks=masks,
        )
