"""Deletion and insertion curves of many images: their mean and its interval."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.explanations import CURVES, RANDOM
from skinnet_keras.evaluation.plots import PALETTE, STYLE

_TITLES = {
    "deletion": "deletion: the marked patches go first",
    "insertion": "insertion: the marked patches come first",
}


def plot_curves(
    curves: Mapping[str, Mapping[str, Mapping[str, Any]]], path: str | Path, *, title: str = ""
) -> None:
    """Draw the mean probability of the class over the share of patches, a line a branch.

    Args:
        curves: As `explanations.StoredExplanations` holds them, not empty.
        path: PNG or SVG to write.
        title: Heading of the figure.
    """
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.0, 3.6), layout="constrained")
        for axes, curve in zip(figure.subplots(1, 2, sharey=True), CURVES, strict=True):
            for (branch, found), colour in zip(curves.items(), PALETTE, strict=False):
                mean = np.array(found[curve]["mean"], dtype=float)
                share = np.linspace(0, 1, len(mean))
                is_random = branch == RANDOM
                colour = "#777777" if is_random else colour
                line = (0, (4, 3)) if is_random else "-"
                label = "random order" if is_random else f"map of the branch {branch}"
                bounds = [pair or (np.nan, np.nan) for pair in found[curve]["interval"]]
                low, high = np.array(bounds, dtype=float).T
                axes.fill_between(share, low, high, color=colour, alpha=0.15, linewidth=0)
                axes.plot(share, mean, color=colour, linestyle=line, label=label)
            axes.set_title(_TITLES[curve])
            axes.set_xlabel("share of the image's patches")
            axes.set_xlim(0, 1)
            axes.set_ylim(0, 1)
            axes.legend(loc="upper right" if curve == "deletion" else "lower right")
        figure.axes[0].set_ylabel("probability of the class")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold")
        save_figure(figure, path)
