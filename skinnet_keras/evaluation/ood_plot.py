"""AUROC of every score against every set of other images, with intervals."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.plots import PALETTE, STYLE


def plot_detection(report: Mapping[str, Mapping[str, Any]], path: str | Path) -> None:
    """Draw a panel a set and a line a score; the dashed line is guessing.

    Args:
        report: As `ood.detection_report` gives it.
        path: PNG or SVG to write.
    """
    scores = list(next(iter(report.values()))["scores"])
    with matplotlib.rc_context(STYLE):
        size = (1.7 + 2.4 * len(report), 0.9 + 0.28 * len(scores))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(1, len(report), sharey=True, squeeze=False)[0]
        for axes, (outside, part) in zip(panels, report.items(), strict=True):
            axes.axvline(0.5, color="#999999", linewidth=1.0, linestyle=(0, (4, 3)))
            for line, score in enumerate(scores):
                row = part["scores"][score]
                if row["auroc"] is None:
                    continue
                bounds = row["ci"]["auroc"]
                if bounds is not None:
                    axes.plot(bounds, [line, line], color=PALETTE[0], linewidth=2.0, alpha=0.5)
                axes.plot(row["auroc"], line, "o", color=PALETTE[0], markersize=5)
            axes.set_title(f"{outside} (n = {part['n']})")
            axes.set_xlabel("AUROC")
            axes.set_xlim(0, 1)
            axes.set_ylim(len(scores) - 0.4, -0.6)
            axes.set_yticks(range(len(scores)), [score.replace("_", " ") for score in scores])
        save_figure(figure, path)
