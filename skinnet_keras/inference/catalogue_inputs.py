"""What models take as input, of rows of a catalogue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import ImageCache, open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.metadata import MetadataEncoder


@dataclass(frozen=True)
class CatalogueInputs:
    """N images of a catalogue with their masks and metadata, read as they are asked for.

    Attributes:
        cache: The catalogue's images at the model's size, cleaned as in training.
        table: N rows of the catalogue's table.
    """

    cache: ImageCache
    table: pd.DataFrame

    @classmethod
    def open(
        cls,
        catalogue: Catalogue,
        table: pd.DataFrame,
        image_size: int,
        *,
        cleaning: CleaningConfig | None = None,
    ) -> CatalogueInputs:
        """Open the cache of the catalogue.

        Args:
            catalogue: The catalogue.
            table: Kept rows of its table.
            image_size: Side S of the images in pixels.
            cleaning: What training cleaned.

        Raises:
            UserError: An image or mask cannot be read.
        """
        return cls(open_cache(catalogue, image_size, cleaning=cleaning), table)

    def __len__(self) -> int:
        return len(self.table)

    def read(self, start: int = 0, stop: int | None = None) -> dict[str, np.ndarray]:
        """Read the rows from `start` to `stop`.

        Returns:
            `image` float32 (n, S, S, 3) 0..255, `mask` float32 (n, S, S, 1) in {0, 1}, the ground
            truth (zeros where there is none), and `metadata` float32 (n, 14).
        """
        table = self.table.iloc[start:stop]
        rows = self.cache.rows(table["image_id"].tolist())
        return {
            "image": self.cache.images[rows].astype(np.float32),
            "mask": self.cache.masks[rows][..., None].astype(np.float32),
            "metadata": MetadataEncoder().encode_table(table),
        }

    def batches(self, size: int) -> Iterator[dict[str, np.ndarray]]:
        """Read `size` rows after another; the last batch may be smaller."""
        for start in range(0, len(self), size):
            yield self.read(start, start + size)


def spread_rows(table: pd.DataFrame, count: int) -> pd.DataFrame:
    """Return `count` rows, evenly spread, or all where there are no more."""
    if len(table) <= count:
        return table
    return table.iloc[np.linspace(0, len(table) - 1, count).astype(int)]
