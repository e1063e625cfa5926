"""The images of a run's catalogue on which artefacts are compared with the Keras model."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.inference.catalogue_inputs import CatalogueInputs, spread_rows

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
        As `CatalogueInputs.read`.

    Raises:
        UserError: The catalogue has no kept image.
    """
    table = choose_images(catalogue, count)
    if table.empty:
        raise UserError(f"{catalogue.root} has no image to check an export on.")
    return CatalogueInputs.open(catalogue, table, image_size, cleaning=cleaning).read()


def choose_images(catalogue: Catalogue, count: int) -> pd.DataFrame:
    """Spread `count` rows over validation and test; too small a split is filled from the rest."""
    held_out = catalogue.usable(["val", "test"])
    if len(held_out) >= count:
        return spread_rows(held_out, count)
    everything = catalogue.usable()
    rest = everything[~everything["image_id"].isin(held_out["image_id"])]
    return pd.concat([held_out, rest.iloc[: count - len(held_out)]])
