"""Figures 2-5 of the paper, redrawn from the Keras graphs: branches, operations, shapes."""

from __future__ import annotations

import itertools
import textwrap
from collections.abc import Collection
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch
from matplotlib.path import Path as Curve

from skinnet_keras.atomic import atomic_file
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.diagrams.graph import Box, boxes_of
from skinnet_keras.evaluation.diagrams.layout import layered_layout

SUFFIXES = (".png", ".svg", ".pdf")
# kind -> fill, edge
_COLOURS = {
    "input": ("#FFFFFF", "#555555"),
    "convolution": ("#DCEBF7", "#3F7CAC"),
    "dense": ("#DFF2E1", "#4C9A57"),
    "network": ("#FDE7CF", "#D08A2E"),
    "merge": ("#ECE3F4", "#8A63B0"),
    "other": ("#F0F0F0", "#8C8C8C"),
}
# Inches.
_LINE, _PADDING, _CHARACTER, _ROW_GAP, _MARGIN = 0.145, 0.16, 0.06, 0.34, 0.25
_WRAP = 40
_NO_BREAK = "\u00a0"


def plot_model(
    model: Any, path: str | Path, *, expand: Collection[str] = (), title: str = ""
) -> None:
    """Draw a Functional model from its graph: inputs on top, branches side by side.

    A box tells what happens in it and the shape of its result (heightxwidthxchannels, or the
    length of a vector). Chains of conv - BN - ReLU - pool and models used as layers are one box.

    Args:
        model: A Functional `keras.Model`.
        path: File to write; its suffix (.png, .svg, .pdf) chooses the format.
        expand: Names of models used as layers to be drawn from the inside.
        title: Heading of the figure.

    Raises:
        UserError: Another suffix.
        ValueError: The model has no graph.
    """
    path = Path(path)
    if path.suffix.lower() not in SUFFIXES:
        raise UserError(
            f"{path} cannot be drawn: choose a name that ends in {', '.join(SUFFIXES)}."
        )
    boxes = boxes_of(model, expand)
    lines = [_lines(box) for box in boxes]
    widths = [_CHARACTER * max(map(len, text)) + 2 * _PADDING for text in lines]
    heights = [_LINE * len(text) + 1.2 * _PADDING for text in lines]
    layout = layered_layout([box.parents for box in boxes], widths)

    row_heights = [0.0] * (max(layout.rows) + 1)
    for row, height in zip(layout.rows, heights, strict=True):
        row_heights[row] = max(row_heights[row], height)
    middles, y = [], _MARGIN + (0.35 if title else 0.0)
    for height in row_heights:
        middles.append(y + height / 2.0)
        y += height + _ROW_GAP
    size = (layout.width + 2 * _MARGIN, y - _ROW_GAP + _MARGIN)

    with rc_context({"svg.fonttype": "none", "font.size": 8}):
        figure = Figure(figsize=size)
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_xlim(-_MARGIN, layout.width + _MARGIN)
        axes.set_ylim(size[1], 0.0)
        axes.set_axis_off()
        if title:
            axes.text(0.0, _MARGIN, title, fontsize=11, weight="bold", va="center")
        entries = _entries(boxes, layout.centres, layout.edges, widths)
        for parent, child, slots in layout.edges:
            start = (layout.centres[parent], middles[layout.rows[parent]] + heights[parent] / 2.0)
            end = (entries[parent, child], middles[layout.rows[child]] - heights[child] / 2.0)
            through = [(x, middles[row]) for row, x in slots]
            axes.add_patch(_arrow([start, *through, end]))
        for box, text, x, row, width, height in zip(
            boxes, lines, layout.centres, layout.rows, widths, heights, strict=True
        ):
            _draw_box(axes, box, text, x, middles[row], width, height)
        with atomic_file(path) as temporary:
            figure.savefig(temporary, dpi=150, facecolor="white")


def _lines(box: Box) -> list[str]:
    """The box's text: its steps (a network's name alone), the shape, the outputs' names."""
    names = 1 if box.kind == "network" else 0
    steps = [step.replace(" ", _NO_BREAK) for step in box.steps]
    text = textwrap.wrap(
        f"{_NO_BREAK}· ".join(steps[names:]),
        _WRAP,
        break_long_words=False,
        break_on_hyphens=False,
    )
    shape = "x".join("?" if side is None else str(side) for side in box.shape)
    return [*steps[:names], *text, shape, *(f"output: {name}" for name in box.outputs)]


def _draw_box(
    axes: Any, box: Box, text: list[str], x: float, y: float, width: float, height: float
) -> None:
    fill, edge = _COLOURS[box.kind]
    patch = FancyBboxPatch(
        (x - width / 2.0, y - height / 2.0),
        width,
        height,
        boxstyle="round,pad=0,rounding_size=0.07",
        facecolor=fill,
        edgecolor=edge,
        linewidth=2.2 if box.outputs else 1.1,
    )
    axes.add_patch(patch)
    shape_line = len(text) - 1 - len(box.outputs)
    for number, line in enumerate(text):
        offset = (number - (len(text) - 1) / 2.0) * _LINE
        is_name = number > shape_line or (box.kind in ("input", "network") and number == 0)
        axes.text(
            x,
            y + offset,
            line,
            ha="center",
            va="center",
            color="#666666" if number == shape_line else "#1A1A1A",
            weight="bold" if is_name else "normal",
        )


def _entries(
    boxes: list[Box], centres: list[float], edges: list, widths: list[float]
) -> dict[tuple[int, int], float]:
    """Where on a box's upper side each edge arrives: spread, in the order they come from."""
    comes_from = {(a, b): slots[-1][1] if slots else centres[a] for a, b, slots in edges}
    entries = {}
    for child, box in enumerate(boxes):
        sources = sorted(box.parents, key=lambda parent: comes_from[parent, child])
        for n, parent in enumerate(sources):
            spread = (n - (len(sources) - 1) / 2.0) * min(0.5, 0.6 * widths[child] / len(sources))
            entries[parent, child] = centres[child] + spread
    return entries


def _arrow(points: list[tuple[float, float]]) -> FancyArrowPatch:
    """A curve through the points that leaves and enters every one of them vertically."""
    vertices, codes = [points[0]], [Curve.MOVETO]
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        bend = (y1 - y0) / 2.0
        vertices += [(x0, y0 + bend), (x1, y1 - bend), (x1, y1)]
        codes += [Curve.CURVE4] * 3
    return FancyArrowPatch(
        path=Curve(vertices, codes),
        arrowstyle="-|>",
        mutation_scale=9,
        color="#6E6E6E",
        linewidth=1.1,
        shrinkA=0,
        shrinkB=0,
    )
