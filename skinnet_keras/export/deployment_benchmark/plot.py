"""Picture of a deployment benchmark: time, throughput, memory and size, a row an artefact."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.plots import PALETTE, STYLE
from skinnet_keras.export.deployment_benchmark.subjects import FORMATS

_MEBI = 2**20
_COLOURS = dict(zip(FORMATS, (PALETTE[0], PALETTE[5], PALETTE[1], PALETTE[2]), strict=True))
_LINE = "#444444"
_BAR = 0.64  # height, of a row
_ROOM = 1.32  # of the longest bar, for the numbers behind bars

_Row = Mapping[str, Any]


def plot_deployment(report: Mapping[str, Any], path: str | Path) -> None:
    """Draw a report as four panels of bars, artefacts grouped by kind.

    Args:
        report: As `report.build_report` returns it, with one artefact at least.
        path: PNG or SVG to write.
    """
    rows: Sequence[_Row] = report["artefacts"]
    places, headings = _places(rows)
    machine = report["machine"]
    height = 1.3 + 0.27 * (places[-1] + 1)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(12.5, height), layout="constrained")
        FigureCanvasAgg(figure)
        figure.suptitle(
            f"{', '.join(report['models'])} on {machine['cpu']}, {machine['cores']} cores",
            x=0.005,
            ha="left",
            fontsize=8.5,
            color="#666666",
        )
        panels = figure.subplots(1, 4, sharey=True)
        _draw(
            panels[0],
            "Time of an image, ms",
            "bar: median, line: to the 95th percentile",
            rows,
            places,
            lambda row: row["latency_ms"],
            lambda row: row["latency_ms_p95"],
        )
        largest = max(row["batch_size"] for row in rows)
        _draw(
            panels[1],
            "Images per second",
            f"bar: one at a time, line: to batch {largest}" if largest > 1 else "one at a time",
            rows,
            places,
            lambda row: row["images_per_second"],
            lambda row: row["batch_images_per_second"],
        )
        _draw(
            panels[2],
            "Memory, MiB",
            "bar: at work, line: to the peak",
            rows,
            places,
            lambda row: _mebi(row["steady_bytes"]),
            lambda row: _mebi(row["peak_bytes"]),
        )
        _draw(
            panels[3],
            "Size on disk, MiB",
            "",
            rows,
            places,
            lambda row: _mebi(row["bytes"]),
            lambda row: None,
        )
        panels[0].set_yticks(places, [row["label"] for row in rows])
        for place, heading in headings:
            panels[0].annotate(
                heading,
                (0, place),
                xycoords=("axes fraction", "data"),
                xytext=(-4, 0),
                textcoords="offset points",
                ha="right",
                va="center",
                fontweight="bold",
                annotation_clip=False,
            )
        panels[0].set_ylim(places[-1] + 0.6, -0.6)
        save_figure(figure, path)


def _places(rows: Sequence[_Row]) -> tuple[list[float], list[tuple[float, str]]]:
    """Height of each row, downwards, and those of the headings of kinds."""
    places: list[float] = []
    headings: list[tuple[float, str]] = []
    height = 0.0
    for i, row in enumerate(rows):
        if i == 0 or row["kind"] != rows[i - 1]["kind"]:
            height += 0.5 if i else 0.0
            headings.append((height, row["kind"].replace("_", " ").capitalize()))
            height += 1
        places.append(height)
        height += 1
    return places, headings


def _mebi(value: float | None) -> float | None:
    return None if value is None else value / _MEBI


def _draw(
    axes: Axes,
    title: str,
    explanation: str,
    rows: Sequence[_Row],
    places: Sequence[float],
    value: Callable[[_Row], float | None],
    end: Callable[[_Row], float | None],
) -> None:
    """One panel: bars to `value`, thin lines from there to `end`, the values as numbers."""
    longest = max((v for row in rows for v in (value(row), end(row)) if v is not None), default=1.0)
    for row, place in zip(rows, places, strict=True):
        length, line = value(row), end(row)
        if length is None:
            axes.text(0, place, " not known", va="center", fontsize=7.5, color="#666666")
            continue
        colour = _COLOURS[row["format"]]
        axes.barh(place, length, height=_BAR, color=colour, alpha=0.9)
        if line is not None:
            # Dark, for lines that end inside their bar.
            axes.plot([length, line], [place, place], color=_LINE, linewidth=1)
            axes.plot([line], [place], marker="|", markersize=6, color=_LINE)
        axes.text(
            max(length, line or 0.0) + 0.02 * longest,
            place,
            _short(length),
            va="center",
            fontsize=7.5,
            color="#333333",
        )
    axes.set_xlim(0, _ROOM * longest)
    axes.set_title(title, pad=15)
    axes.text(
        0, 1.0, explanation, transform=axes.transAxes, va="bottom", fontsize=7.5, color="#666666"
    )
    axes.xaxis.set_major_locator(MaxNLocator(4))
    axes.grid(axis="x")
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)


def _short(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
