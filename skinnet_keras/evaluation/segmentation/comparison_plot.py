"""Picture of a comparison: Dice over the time of a prediction, discs as large as the networks."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import LogLocator, NullFormatter
from matplotlib.transforms import Bbox

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.plots import PALETTE, STYLE
from skinnet_keras.evaluation.segmentation.label_placement import Label, place_labels

_COLOUR, _REFERENCE_COLOUR = PALETTE[0], PALETTE[1]
_AREA_PER_PARAMETER = 6e-6  # square points
_LEGEND_PARAMETERS = (1_000_000, 10_000_000, 100_000_000)
_DISTANCES = (5, 12, 22, 34, 48)  # points between a label and its disc


@dataclass(frozen=True)
class _Point:
    label: str
    cost: float
    dice: float
    interval: tuple[float, float] | None
    parameters: int
    colour: str
    is_substitute: bool


def plot_comparison(comparison: Mapping[str, Any], path: str | Path) -> None:
    """Draw mean Dice and its interval over the cost of a prediction, a disc a run.

    The cost is the time of the TFLite file; where a network has none it is that of the compiled
    Keras model, drawn hollow; where no run was timed it is the multiply-accumulates.

    Args:
        comparison: As `segmentation.comparison.compare_segmenters` returns it.
        path: PNG or SVG to write.
    """
    points, cost_label = _points(comparison)
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.4, 5.2), layout="constrained")
        canvas = FigureCanvasAgg(figure)
        axes = figure.add_subplot()
        axes.set_xscale("log")
        for point in points:
            _draw(axes, point)
        _set_limits(axes, points)
        axes.set_xlabel(cost_label)
        has_intervals = any(point.interval for point in points)
        axes.set_ylabel("Dice, mean over images" + ", with 95 % interval" * has_intervals)
        axes.set_title(f"Segmentation networks on {comparison['split']} (n = {comparison['n']})")
        axes.legend(
            handles=_legend(points, comparison["reference"]),
            loc="center left",
            bbox_to_anchor=(1.01, 0.5),
            labelspacing=2.4,
            handletextpad=1.8,
        )
        canvas.draw()  # fixes the layout that the labels are placed in
        figure.set_layout_engine("none")
        _write_labels(axes, canvas, points)
        save_figure(figure, path)


def _points(comparison: Mapping[str, Any]) -> tuple[list[_Point], str]:
    """The runs as points, and what the horizontal axis shows."""
    rows: Sequence[Mapping[str, Any]] = comparison["runs"]
    is_timed = any(row["keras_ms"] is not None for row in rows)
    points = []
    for row in rows:
        if not is_timed:
            cost, is_substitute = row["macs"] / 1e9, False
        elif row["tflite_ms"] is not None:
            cost, is_substitute = row["tflite_ms"], False
        else:
            cost, is_substitute = row["keras_ms"], True
        if cost is None:
            continue  # the one run whose benchmark failed
        interval = row["dice_per_image_ci"]
        points.append(
            _Point(
                label=row["name"],
                cost=cost,
                dice=row["dice_per_image"],
                interval=None if interval is None else tuple(interval),
                parameters=row["parameters"],
                colour=_REFERENCE_COLOUR if row["name"] == comparison["reference"] else _COLOUR,
                is_substitute=is_substitute,
            )
        )
    if not is_timed:
        return points, "multiply-accumulates of one prediction, G"
    threads = comparison["measured"]["threads"]
    return points, f"time of one prediction, ms (TFLite float32, {threads} threads)"


def _draw(axes: Axes, point: _Point) -> None:
    area = point.parameters * _AREA_PER_PARAMETER
    axes.scatter(point.cost, point.dice, s=area, color=point.colour, alpha=0.18, linewidths=0)
    if point.interval:
        axes.plot([point.cost] * 2, point.interval, color=point.colour, linewidth=1.1)
    axes.plot(
        point.cost,
        point.dice,
        marker="o",
        markersize=4.5,
        markeredgewidth=1.2,
        color=point.colour,
        markerfacecolor="white" if point.is_substitute else point.colour,
    )


def _radius(parameters: int) -> float:
    """Radius of a disc in points."""
    return math.sqrt(parameters * _AREA_PER_PARAMETER / math.pi)


def _set_limits(axes: Axes, points: Sequence[_Point]) -> None:
    """Room for discs and labels at the borders, and at least a decade of costs."""
    costs = np.array([point.cost for point in points])
    middle = np.sqrt(costs.min() * costs.max())
    low, high = min(costs.min() / 1.6, middle / 3.2), max(costs.max() * 2.2, middle * 3.2)
    axes.set_xlim(low, high)
    axes.margins(y=0.12)
    axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())


def _legend(points: Sequence[_Point], reference: str) -> list[Line2D]:
    def disc(parameters: int) -> Line2D:
        return Line2D(
            [],
            [],
            linestyle="",
            marker="o",
            markersize=2 * _radius(parameters),
            markerfacecolor="#999999",
            markeredgewidth=0,
            alpha=0.4,
            label=f"{parameters // 1_000_000} M parameters",
        )

    def dot(colour: str, face: str, label: str) -> Line2D:
        return Line2D(
            [], [], linestyle="", marker="o", markersize=4.5, color=colour, mfc=face, label=label
        )

    handles = [disc(parameters) for parameters in _LEGEND_PARAMETERS]
    if len(points) > 1:
        handles.append(dot(_REFERENCE_COLOUR, _REFERENCE_COLOUR, f"reference: {reference}"))
    if any(point.is_substitute for point in points):
        handles.append(dot(_COLOUR, "white", "time of Keras: no TFLite"))
    return handles


def _write_labels(axes: Axes, canvas: FigureCanvasAgg, points: Sequence[_Point]) -> None:
    """Write every run's name beside its disc; a line leads to distant ones.

    The layout of the figure must be final: names are placed in pixels.
    """
    renderer, pixels = canvas.get_renderer(), axes.figure.dpi / 72  # pixels in a point
    to_pixels, to_data = axes.transData.transform, axes.transData.inverted().transform
    halo = [withStroke(linewidth=2.5, foreground="white")]  # where a name must cross a line
    labels, obstacles, texts = [], [], []
    for point in points:
        text = axes.text(
            point.cost,
            point.dice,
            point.label,
            fontsize=8,
            va="bottom",
            path_effects=halo,
            zorder=5,
        )
        size = np.array(text.get_window_extent(renderer).size) + 2 * pixels
        centre = to_pixels((point.cost, point.dice))
        texts.append(text)
        labels.append(Label(centre, size, _radius(point.parameters) * pixels))
        obstacles.append(Bbox([centre - 4 * pixels, centre + 4 * pixels]))
        if point.interval:
            low, high = (to_pixels((point.cost, bound))[1] for bound in point.interval)
            left, right = centre[0] - 2 * pixels, centre[0] + 2 * pixels
            obstacles.append(Bbox([[left, low], [right, high]]))
    distances = [distance * pixels for distance in _DISTANCES]
    places = place_labels(labels, obstacles, axes.get_window_extent(renderer), distances)
    for text, label, place in zip(texts, labels, places, strict=True):
        x, y = to_data(place.box.p0 + pixels)
        text.set_position((x, y))
        if place.distance > distances[0]:
            end = np.clip(label.centre, place.box.p0, place.box.p1)
            axes.plot(*to_data([label.centre, end]).T, color="#888888", linewidth=0.7, zorder=1)
