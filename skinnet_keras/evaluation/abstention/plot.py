"""Risk over coverage, and coverage class by class, as PNG."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.abstention.selective import (
    SCORES,
    area_under_risk,
    confidence,
    selective_risks,
)
from skinnet_keras.evaluation.plots import PALETTE, STYLE
from skinnet_keras.evaluation.predictions import Predictions


def plot_risk_coverage(images: Predictions, path: str | Path, *, title: str = "") -> None:
    """Draw error rate over coverage for every score, and which classes are accepted first.

    The right panel shows, for the largest probability, the share of each class that is accepted at
    every coverage: a class below the diagonal is deferred more often than others.

    Args:
        images: Labelled images, one at least.
        path: PNG or SVG to write.
        title: Heading of the figure.
    """
    true = images.true_indices()
    wrong = (images.predicted_indices() != true).astype(float)
    coverage = np.arange(1, len(true) + 1) / len(true)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(9.4, 4.2), layout="constrained")
        risks, classes = figure.subplots(1, 2)
        for name, colour in zip(SCORES, PALETTE, strict=False):
            certainty = confidence(images.probabilities, name)
            area = area_under_risk(certainty, wrong)
            label = f"{name.replace('_', ' ')}, AURC {area:.3f}"
            risks.plot(coverage, selective_risks(certainty, wrong), color=colour, label=label)
        risks.plot(
            coverage,
            selective_risks(-wrong, wrong),
            color="#999999",
            linestyle=(0, (4, 3)),
            label="best order",
        )
        risks.set_title("errors of argmax among accepted images")
        risks.set_ylabel("error rate")
        risks.legend(loc="upper left")
        certainty = confidence(images.probabilities, "max_probability")
        classes.plot([0, 1], [0, 1], color="#AAAAAA", linewidth=1.0, linestyle=(0, (4, 3)))
        for k, name in enumerate(images.classes):
            if not (own := true == k).any():
                continue
            # Equal certainties share what is accepted, as they do in the risk.
            accepted = selective_risks(certainty, own.astype(float)) * coverage * len(true)
            share = accepted / own.sum()
            label = f"{name} (n = {own.sum()})"
            width = 2.4 if name == "MEL" else 1.2
            colour = PALETTE[k % len(PALETTE)]
            classes.plot(coverage, share, color=colour, linewidth=width, label=label)
        classes.set_title("accepted share of each class")
        classes.set_ylabel("share of the class")
        classes.legend(loc="upper left", fontsize=7)
        for axes in (risks, classes):
            axes.set_xlim(0.0, 1.0)
            axes.set_ylim(bottom=0.0)
            axes.set_xlabel("coverage: share of all images that is accepted")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold")
        save_figure(figure, path)
