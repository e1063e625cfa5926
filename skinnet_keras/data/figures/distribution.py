"""Images by class on a log scale (figure 1 of the paper): overall, by split, by source."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure, SubFigure
from matplotlib.ticker import NullLocator

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.figures.canvas import (
    BAR_COLOUR,
    CONTEXT_COLOUR,
    SPLIT_COLOURS,
    canvas,
)
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import LABELS

By = Literal["class", "split", "source"]

_AXIS = "images (log scale)"
_PANELS_A_ROW = 4
_CLASS_HEIGHT = 0.27  # inches of a bar


def draw_distribution(catalogue: Catalogue, out: Path, *, by: By = "class") -> None:
    """Draw the kept, labelled images by class on a log scale, the counts at the bars.

    Args:
        catalogue: The catalogue.
        out: The PNG to write.
        by: "class": one bar a class; "split": one a class and split; "source": one panel a source,
            the whole catalogue in grey behind.

    Raises:
        UserError: No kept image has a label.
    """
    counts = count_classes(catalogue)
    height = _CLASS_HEIGHT * len(counts)
    if by == "class":
        with canvas(out, 7, 1.2 + height) as figure:
            draw_classes(figure, counts)
    elif by == "split":
        with canvas(out, 7, 1.4 + 2.2 * height) as figure:
            draw_by_split(figure, counts)
    else:
        panels = counts.columns.get_level_values("source").nunique()
        columns = min(panels, _PANELS_A_ROW)
        rows = math.ceil(panels / columns)
        with canvas(out, 0.6 + 2.9 * max(columns, 2), 0.8 + rows * (0.6 + height)) as figure:
            _draw_by_source(figure, counts, rows, columns)


def count_classes(catalogue: Catalogue) -> pd.DataFrame:
    """Count the kept, labelled images.

    Returns:
        Integers; rows are the labels in the order of the taxonomy, columns (source, split).

    Raises:
        UserError: No kept image has a label.
    """
    kept = catalogue.usable()
    kept = kept[kept["label"] != ""]
    if kept.empty:
        raise UserError(f"{catalogue.root} has no labelled image to show.")
    counts = pd.crosstab(kept["label"], [kept["source"], kept["split"]])
    return counts.reindex([label for label in LABELS if label in counts.index])


def draw_classes(figure: Figure | SubFigure, counts: pd.DataFrame) -> None:
    """Draw one bar a class; `counts` as from `count_classes`."""
    axes = figure.subplots()
    totals = counts.sum(axis=1)
    _draw_bars(axes, np.arange(len(totals)), totals, height=0.7, colour=BAR_COLOUR)
    _finish(axes, counts, f"Class distribution: {totals.sum():,} labelled images")
    axes.set_xlabel(_AXIS)


def draw_by_split(figure: Figure | SubFigure, counts: pd.DataFrame) -> None:
    """Draw one bar a class and split; `counts` as from `count_classes`."""
    axes = figure.subplots()
    by_split = counts.T.groupby(level="split").sum().T
    positions, width = np.arange(len(counts)), 0.8 / len(SPLIT_COLOURS)
    for number, (split, colour) in enumerate(SPLIT_COLOURS.items()):
        own = by_split[split] if split in by_split else by_split.sum(axis=1) * 0
        offset = width * (number - (len(SPLIT_COLOURS) - 1) / 2)
        label = f"{split} ({own.sum():,})"
        _draw_bars(axes, positions + offset, own, height=width, colour=colour, label=label)
    _finish(axes, counts, f"Class distribution by split: {counts.to_numpy().sum():,} images")
    axes.set_xlabel(_AXIS)
    figure.legend(loc="outside lower right", ncols=len(SPLIT_COLOURS))


def _draw_by_source(figure: Figure, counts: pd.DataFrame, rows: int, columns: int) -> None:
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    totals = counts.sum(axis=1)
    positions = np.arange(len(counts))
    by_source = counts.T.groupby(level="source").sum().T
    names = by_source.sum().sort_values(ascending=False, kind="stable").index
    for axes, name in zip(panels.flat, names, strict=False):
        axes.barh(positions, totals, 0.75, color=CONTEXT_COLOUR)
        _draw_bars(axes, positions, by_source[name], height=0.75, colour=BAR_COLOUR)
        _finish(axes, counts, f"{name}: {by_source[name].sum():,}")
    for axes in panels.flat[len(names) :]:
        axes.set_visible(False)
    for axes in panels.flat[max(len(names) - columns, 0) : len(names)]:
        axes.tick_params(labelbottom=True)  # also above an empty place
    figure.suptitle(
        f"Class distribution by source: {totals.sum():,} labelled images (grey: all sources)",
        x=0.01,
        ha="left",
        fontweight="bold",
    )
    figure.supxlabel(_AXIS, fontsize="medium")


def _draw_bars(
    axes: Axes,
    positions: np.ndarray,
    counts: pd.Series,
    *,
    height: float,
    colour: str,
    label: str | None = None,
) -> None:
    axes.barh(positions, counts, height, color=colour, label=label)
    for position, count in zip(positions, counts, strict=True):
        if count:
            axes.annotate(
                f"{count:,}",
                (count, position),
                (3, 0),
                textcoords="offset points",
                va="center",
                fontsize=7.5,
            )


def _finish(axes: Axes, counts: pd.DataFrame, title: str) -> None:
    axes.set_title(title)
    axes.set_xscale("log")
    # A class of one image still has a bar; the longest bar leaves room for its count.
    axes.set_xlim(0.7, 5 * counts.sum(axis=1).max())
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.xaxis.set_minor_locator(NullLocator())
    axes.grid(axis="x")
    axes.set_yticks(range(len(counts)), counts.index)
    axes.set_ylim(len(counts) - 0.4, -0.6)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
