"""The images of a run's catalogue on which artefacts are compared with the Keras model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.errors import UserError

PARITY_IMAGES = 32


def parity_inputs(
    catalogue: Catalogue,
    image_size: int,
    *,
    cleaning: CleaningConfig | None = None,
    count: int = PARITY_IMAGES,
) -> dict[str, np.ndarray]:
    """Read images, ground-truth masks and metadata for the parity gate.

    Args:
        catalogue: The run's catalogue.
        image_size: Side S of the images in pixels.
        cleaning: What the run's training cleaned.
        count: Number of images; fewer where the catalogue has fewer.

    Returns:
        `image` float32 (N, S, S, 3) 0..255, `mask` float32 (N, S, S, 1) in {0, 1} (zeros where
        there is no ground truth) and `metadata` float32 (N, 14).

    Raises:
        UserError: The catalogue has no kept image.
    """
    table = choose_images(catalogue, count)
    if table.empty:
        raise UserError(f"{catalogue.root} has no image to check an export on.")
    cache = open_cache(catalogue, image_size, cleaning=cleaning)
    rows = cache.rows(table["image_id"].tolist())
    return {
        "image": cache.images[rows].astype(np.float32),
        "mask": cache.masks[rows][..., None].astype(np.float32),
        "metadata": MetadataEncoder().encode_table(table),
    }


def choose_images(catalogue: Catalogue, count: int) -> pd.DataFrame:
    """Spread `count` rows over validation and test; too small a split is filled from the rest."""
    held_out = catalogue.usable(["val", "test"])
    if len(held_out) >= count:
        return held_out.iloc[np.linspace(0, len(held_out) - 1, count).astype(int)]
    everything = catalogue.usable()
    rest = everything[~everything["image_id"].isin(held_out["image_id"])]
    return pd.concat([held_out, rest.iloc[: count - len(held_out)]])
