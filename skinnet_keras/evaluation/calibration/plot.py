"""Reliability diagrams, as PNG: the most probable class, then each class against the rest."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.calibration.metrics import (
    DEFAULT_BINS,
    Reliability,
    class_reliabilities,
    top_label_reliability,
)
from skinnet_keras.evaluation.plots import PALETTE, STYLE
from skinnet_keras.evaluation.predictions import Predictions

_COLOURS = ("#999999", *PALETTE)
_COLUMNS = 3


def plot_reliability(
    variants: Mapping[str, Predictions],
    path: str | Path,
    *,
    num_bins: int = DEFAULT_BINS,
    title: str = "",
) -> None:
    """Draw observed frequency over predicted probability, a line a variant; the diagonal is right.

    Args:
        variants: Name, such as "before", -> labelled predictions of the same images; the first is
            grey.
        path: PNG or SVG to write.
        num_bins: Bins of equal mass.
        title: Heading of the figure.
    """
    first = next(iter(variants.values()))
    support = np.bincount(first.true_indices(), minlength=len(first.classes))
    # Lines of panels x variants; a class without an image has no frequency to compare with.
    panels: dict[str, dict[str, Reliability]] = {"most probable class": {}}
    panels |= {
        f"{name} (n = {support[k]})": {} for k, name in enumerate(first.classes) if support[k]
    }
    for variant, item in variants.items():
        true = item.true_indices()
        top = top_label_reliability(item.probabilities, true, num_bins)
        classes = class_reliabilities(item.probabilities, true, num_bins)
        present = [line for k, line in enumerate(classes) if support[k]]
        for lines, line in zip(panels.values(), [top, *present], strict=True):
            lines[variant] = line
    columns = min(_COLUMNS, len(panels))
    rows = math.ceil(len(panels) / columns)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(2.9 * columns, 0.6 + 2.9 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, (name, lines) in zip(grid, panels.items(), strict=False):
            _panel(axes, name, lines)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        marks = [
            Line2D([], [], color=colour, marker="o", markersize=3.5, label=variant)
            for variant, colour in zip(variants, _COLOURS, strict=False)
        ]
        figure.legend(handles=marks, loc="outside upper right", ncols=len(marks))
        figure.supxlabel("mean predicted probability of a bin", fontsize=9, color="#444444")
        figure.supylabel("observed frequency", fontsize=9, color="#444444")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold")
        save_figure(figure, path)


def _panel(axes: Axes, name: str, lines: Mapping[str, Reliability]) -> None:
    # Probabilities of a rare class are all small: each panel has its own scale.
    largest = max(max(line.confidence.max(), line.frequency.max()) for line in lines.values())
    limit = min(1.0, 1.05 * float(largest)) + 0.01
    axes.plot([0, limit], [0, limit], color="#AAAAAA", linewidth=1.0, linestyle=(0, (4, 3)))
    for line, colour in zip(lines.values(), _COLOURS, strict=False):
        axes.plot(
            line.confidence,
            line.frequency,
            color=colour,
            marker="o",
            markersize=3.5,
            clip_on=False,
        )
    numbers = " / ".join(f"{line.ece:.3f}" for line in lines.values())
    chance = " / ".join(f"{line.ece_by_chance:.3f}" for line in lines.values())
    axes.set_title(name, pad=16)
    axes.text(
        *(0.0, 1.02, f"ECE {numbers} (by chance {chance})"),
        transform=axes.transAxes,
        fontsize=7,
        color="#444444",
    )
    axes.set_aspect("equal")
    axes.set_xlim(0.0, limit)
    axes.set_ylim(0.0, limit)
