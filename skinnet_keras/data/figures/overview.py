"""A catalogue on one page: class distribution by split above some samples of every class."""

from __future__ import annotations

from pathlib import Path

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures.canvas import canvas
from skinnet_keras.data.figures.distribution import count_classes, draw_by_split
from skinnet_keras.data.figures.samples import choose_samples, fill_sheet

_CELL = 1.4  # inches of a sample and its caption
_DISTRIBUTION_WIDTH = 5.5  # inches
_LEAST_HEIGHT = 3.0  # inches


def draw_overview(catalogue: Catalogue, out: Path, *, count: int = 6, seed: int = 0) -> None:
    """Draw images a class and split on a log scale, and samples of every class.

    Args:
        catalogue: The catalogue.
        out: The PNG to write.
        count: Samples a class.
        seed: Decides which samples are shown.

    Raises:
        UserError: No kept image has a label, or an image cannot be read.
    """
    counts = count_classes(catalogue)
    chosen = choose_samples(catalogue, count, seed)
    widths = (_DISTRIBUTION_WIDTH, _CELL * count)
    height = max(_CELL * len(counts), _LEAST_HEIGHT)
    with canvas(out, sum(widths), height) as figure:
        halves = figure.subfigures(1, 2, width_ratios=widths, squeeze=False)
        draw_by_split(halves[0, 0], counts)
        fill_sheet(halves[0, 1], catalogue, chosen, count)
