"""Sample sheets: some images of every class, with their ids and sources."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure, SubFigure
from PIL import Image

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures.canvas import canvas, show_image
from skinnet_keras.data.image_io import read_image
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import LABELS

THUMBNAIL_SIZE = 256  # pixels of the longer side
_CELL = 1.55  # inches
_CAPTION_LENGTH = 26  # ISIC_0000000_downsampled fits


def draw_samples(catalogue: Catalogue, out: Path, *, count: int = 8, seed: int = 0) -> None:
    """Draw a row of randomly chosen kept images a class, each with its name and source.

    Args:
        catalogue: The catalogue.
        out: The PNG to write.
        count: Images a class.
        seed: Decides which images are shown.

    Raises:
        UserError: No kept image has a label, or an image cannot be read.
    """
    chosen = choose_samples(catalogue, count, seed)
    columns = max(len(ids) for ids in chosen.values())
    with canvas(out, 0.5 + _CELL * columns, 0.3 + _CELL * len(chosen)) as figure:
        fill_sheet(figure, catalogue, chosen, columns)


def choose_samples(catalogue: Catalogue, count: int, seed: int) -> dict[str, list[str]]:
    """Choose kept images of every class that has any: label -> at most `count` ids.

    Raises:
        UserError: No kept image has a label.
    """
    kept = catalogue.usable()
    rng = np.random.default_rng(seed)
    chosen = {
        label: rng.permutation(kept["image_id"][kept["label"] == label].to_list())[:count].tolist()
        for label in LABELS
    }
    chosen = {label: ids for label, ids in chosen.items() if ids}
    if not chosen:
        raise UserError(f"{catalogue.root} has no labelled image to show.")
    return chosen


def fill_sheet(
    figure: Figure | SubFigure, catalogue: Catalogue, chosen: dict[str, list[str]], columns: int
) -> None:
    """Draw a row a class; `chosen` as from `choose_samples`."""
    cells = figure.subplots(len(chosen), columns, squeeze=False)
    for (label, ids), row in zip(chosen.items(), cells, strict=True):
        for axes in row[len(ids) :]:
            axes.axis("off")
        for axes, image_id in zip(row, ids, strict=False):
            show_image(
                axes, thumbnail(read_image(catalogue.image_path(image_id))), caption(image_id)
            )
        row[0].set_ylabel(label, rotation=0, ha="right", va="center", fontweight="bold")


def thumbnail(rgb: np.ndarray) -> np.ndarray:
    """Return an image, uint8 (H, W, 3), with its longer side reduced to `THUMBNAIL_SIZE`."""
    image = Image.fromarray(rgb)
    image.thumbnail((THUMBNAIL_SIZE, THUMBNAIL_SIZE), Image.Resampling.BILINEAR)
    return np.asarray(image)


def caption(image_id: str) -> str:
    """Return an image's name, cut to the width of a cell, above its source."""
    source, _, stem = image_id.partition(":")
    short = stem if len(stem) <= _CAPTION_LENGTH else f"{stem[: _CAPTION_LENGTH - 1]}…"
    return f"{short}\n{source}"
