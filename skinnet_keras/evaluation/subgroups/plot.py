"""Forest plot of a subgroup report: one line a subgroup, one panel a metric."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.plots import PALETTE, STYLE
from skinnet_keras.evaluation.subgroups.attributes import HEADINGS
from skinnet_keras.evaluation.subgroups.metrics import METRICS

PANELS = ("balanced_accuracy", "mel_sensitivity", "mel_specificity", "overconfidence")

_COLOUR, _OVERALL_COLOUR, _MUTED = PALETTE[0], "#333333", "#999999"
_LINE = 0.215  # inches a line
_LABELS, _PANEL = 3.35, 1.75  # inches: the column of names, and each panel
_TOP, _BOTTOM = 0.75, 0.75  # inches
_RATE_AXES = ((0.8, 0.05), (0.5, 0.1), (0.0, 0.25))  # where an axis to 1 begins, and its ticks


def plot_subgroups(report: Mapping[str, Any], path: str | Path, *, title: str = "") -> None:
    """Draw the metrics of every subgroup with their 95 % intervals.

    A dashed line stands at the value of all images, over the same classes; a subgroup with too few
    lesions has no mark.

    Args:
        report: As `report.subgroup_report` returns it.
        path: PNG or SVG to write.
        title: Heading of the figure.
    """
    lines = sum(len(part["subgroups"]) + 1.6 for part in report["attributes"].values())
    width, height = _LABELS + _PANEL * len(PANELS) + 0.2, _TOP + _LINE * lines + _BOTTOM
    style = {**STYLE, "axes.grid": False, "axes.spines.left": False}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(width, height))
        panels = figure.subplots(1, len(PANELS), sharey=True)
        figure.subplots_adjust(
            left=_LABELS / width,
            right=1 - 0.15 / width,
            top=1 - _TOP / height,
            bottom=_BOTTOM / height,
            wspace=0.17,
        )
        _beside(panels[0], 0.12, -1.15, "lesions", ha="right", color="#777777")
        line = 0.0
        for name, part in report["attributes"].items():
            _write_heading(panels[0], name, part, line)
            first, line = line + 1, line + 1
            for row in part["subgroups"]:
                _write_name(panels[0], row, line)
                for axes, metric in zip(panels, PANELS, strict=True):
                    _draw(axes, row, metric, line)
                line += 1
            for axes, metric in zip(panels, PANELS, strict=True):
                overall = part["all"]["metrics"][metric]
                if overall is not None:
                    span = [first - 0.5, line - 0.5]
                    axes.plot([overall] * 2, span, color=_OVERALL_COLOUR, lw=0.9, ls=(0, (3, 2)))
            line += 0.6
        for axes, metric in zip(panels, PANELS, strict=True):
            _finish(axes, metric, line - 0.6)
        figure.text(0.012, 1 - 0.2 / height, title, va="top", fontsize=11, weight="bold")
        note = (
            "Dots: estimate, bars: 95 % interval over lesions, dashed: all images (balanced "
            "accuracy over the same classes). No dot: too few lesions."
        )
        figure.text(0.012, 0.12 / height, note, fontsize=8, color="#555555")
        save_figure(figure, path)


def _write_heading(axes: Axes, name: str, part: Mapping[str, Any], line: float) -> None:
    over = ", ".join(part["classes"])
    _beside(axes, _LABELS - 0.12, line, HEADINGS[name], weight="bold")
    style: dict[str, Any] = {"va": "center", "fontsize": 7.5, "color": "#777777"}
    note = f"over {over}" if over else "not compared"
    axes.text(0.0, line, note, transform=axes.get_yaxis_transform(), **style)


def _write_name(axes: Axes, row: Mapping[str, Any], line: float) -> None:
    _beside(axes, _LABELS - 0.3, line, row["name"])
    _beside(axes, 0.12, line, f"{row['lesions']:,}", ha="right", color="#777777")


def _beside(axes: Axes, inches: float, line: float, text: str, **style: Any) -> None:
    """Write text so many inches left of the first panel."""
    axes.annotate(
        text,
        (0, line),
        xycoords=axes.get_yaxis_transform(),
        xytext=(-72 * inches, 0),
        textcoords="offset points",
        va="center",
        annotation_clip=False,
        **style,
    )


def _draw(axes: Axes, row: Mapping[str, Any], metric: str, line: float) -> None:
    value, interval = row["metrics"][metric], row["ci"][metric]
    if value is None:
        return
    if interval is not None:
        axes.plot(interval, [line, line], color=_COLOUR, lw=1.3, solid_capstyle="butt")
    axes.plot(value, line, marker="o", markersize=4.2, color=_COLOUR, clip_on=False)


def _finish(axes: Axes, metric: str, lines: float) -> None:
    axes.set_ylim(lines - 0.3, -0.7)
    axes.set_yticks([])
    if metric == "overconfidence":
        axes.axvline(0, color=_MUTED, lw=0.8)
        axes.margins(x=0.12)
    else:
        drawn = axes.dataLim.x0 if np.isfinite(axes.dataLim.x0) else 0.0
        low, step = next(band for band in _RATE_AXES if band[0] <= max(drawn, 0.0))
        axes.set_xlim(low, 1)
        axes.set_xticks(np.arange(low, 1 + step / 2, step))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:.2g}")
    axes.grid(axis="x")
    axes.set_facecolor("none")  # a note may run on into the next panel
    axes.set_title(METRICS[metric], fontsize=9)
