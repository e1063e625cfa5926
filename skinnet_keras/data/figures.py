"""Pictures of a catalogue: the class distribution (figure 1 of the paper) and samples."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.build_report import class_counts
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_io import read_image, resize_image
from skinnet_keras.data.splits import SPLITS
from skinnet_keras.errors import UserError

_COLOURS = {"train": "#33658a", "val": "#f6ae2d", "test": "#c8553d"}
_SAMPLES = 4  # a class
_SAMPLE_SIZE = 160  # pixels


def draw_overview(catalogue: Catalogue, out: Path, *, seed: int = 0) -> None:
    """Draw images a class and split on a log scale, above some samples of every class.

    Args:
        catalogue: The catalogue.
        out: The PNG to write.
        seed: Decides which samples are shown.

    Raises:
        UserError: No kept image has a label, or an image cannot be read.
    """
    counts = class_counts(catalogue.table)
    if not counts:
        raise UserError(f"{catalogue.root} has no labelled image to show.")
    figure = Figure(figsize=(1.4 * max(len(counts), 6), 10), layout="constrained")
    FigureCanvasAgg(figure)
    top, bottom = figure.subfigures(2, 1, height_ratios=(2, 3), squeeze=False)[:, 0]
    _draw_distribution(top.subplots(), counts)
    columns = bottom.subplots(_SAMPLES, len(counts), squeeze=False).T
    rng = np.random.default_rng(seed)
    for label, axes in zip(counts, columns, strict=True):
        _draw_samples(catalogue, label, axes, rng)
    with atomic_file(out) as temporary:
        figure.savefig(temporary, format="png", dpi=120)


def _draw_distribution(axes: Axes, counts: dict[str, dict[str, int]]) -> None:
    positions, width = np.arange(len(counts)), 0.27
    for offset, split in zip((-width, 0, width), SPLITS, strict=True):
        heights = [row[split] for row in counts.values()]
        axes.bar(positions + offset, heights, width, label=split, color=_COLOURS[split])
    totals = [sum(row.values()) for row in counts.values()]
    for position, row, total in zip(positions, counts.values(), totals, strict=True):
        height = max(row.values())
        axes.annotate(
            f"{total:,}",
            (position, max(height, 1)),
            (0, 4),
            textcoords="offset points",
            ha="center",
        )
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter("{x:,.0f}")
    axes.set_ylim(bottom=0.8, top=3 * max(max(row.values()) for row in counts.values()))
    axes.set_xticks(positions, counts)
    axes.set_ylabel("images (log scale)")
    axes.set_title(f"Class distribution: {sum(totals):,} labelled images, totals above the bars")
    axes.legend(frameon=False, ncols=3)
    axes.spines[["top", "right"]].set_visible(False)


def _draw_samples(
    catalogue: Catalogue, label: str, axes: np.ndarray, rng: np.random.Generator
) -> None:
    kept = catalogue.usable()
    ids = kept["image_id"][kept["label"] == label].to_numpy()
    chosen = rng.permutation(ids)[: len(axes)]
    axes[0].set_title(label)
    for axis in axes:
        axis.axis("off")
    for axis, image_id in zip(axes, chosen, strict=False):
        axis.imshow(resize_image(read_image(catalogue.image_path(image_id)), _SAMPLE_SIZE))
