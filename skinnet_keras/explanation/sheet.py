"""Contact sheets of explanations: image, lesion outline, and a map a branch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.plots import PREDICTED_COLOUR, STYLE
from skinnet_keras.explanation.explain import Explanation

PER_SHEET = 24
_CASES_A_ROW = 3
_PANEL = 1.55  # inches


def write_sheets(
    explanations: Sequence[Explanation], classes: Sequence[str], folder: Path, title: str
) -> list[Path]:
    """Draw `explanations_<n>.png`, some images a sheet.

    Args:
        explanations: As `explain_cases` gives them.
        classes: K class names.
        folder: Where to write; created if absent.
        title: Heading of each sheet.

    Returns:
        The files.
    """
    paths = []
    for number, start in enumerate(range(0, len(explanations), PER_SHEET), start=1):
        paths.append(folder / f"explanations_{number}.png")
        _draw(explanations[start : start + PER_SHEET], classes, paths[-1], title)
    return paths


def _draw(part: Sequence[Explanation], classes: Sequence[str], path: Path, title: str) -> None:
    branches = tuple(part[0].maps)
    panels = 1 + len(branches)
    columns = min(_CASES_A_ROW, len(part))
    rows = -(-len(part) // columns)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        width, height = columns * (panels * _PANEL + 0.3), 0.7 + rows * (_PANEL + 0.5)
        figure = Figure(figsize=(max(width, 4.5), height), layout="constrained")
        cells = figure.subfigures(rows, columns, squeeze=False, wspace=0.03).ravel()
        for cell, explanation in zip(cells, part, strict=False):
            _draw_case(cell, explanation, classes, branches)
        figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold")
        save_figure(figure, path)


def _draw_case(cell, explanation: Explanation, classes: Sequence[str], branches) -> None:
    case, asked = explanation.case, explanation.asked
    image = case.inputs["image"]
    axes = cell.subplots(1, 1 + len(branches), squeeze=False)[0]
    axes[0].imshow(image)
    for panel, branch in zip(axes[1:], branches, strict=True):
        relevance = explanation.maps[branch]
        panel.imshow(image.mean(axis=-1), cmap="gray", vmin=0, vmax=255)
        # What does not speak for the class stays grey.
        panel.imshow(relevance, cmap="inferno", vmin=0, vmax=1, alpha=0.75 * relevance)
        inside = explanation.figures[f"{branch}_inside"]
        share = "" if np.isnan(inside) else f", {inside:.0%} inside"
        share = share if relevance.any() else ": nothing for it"
        panel.set_xlabel(f"{branch}{share}", fontsize=7)
    for panel in axes:
        panel.set_xticks([])
        panel.set_yticks([])
        panel.spines[:].set_visible(False)
        if case.lesion is not None and case.lesion.min() != case.lesion.max():
            panel.contour(case.lesion, levels=[0.5], colors=[PREDICTED_COLOUR], linewidths=1.0)
    axes[0].set_xlabel(Path(case.image_id).name[-24:], fontsize=6, color="#666666")
    truth = "" if case.label is None else f"{classes[case.label]}: "
    wrong = case.label is not None and case.label != explanation.probabilities.argmax()
    axes[0].set_title(
        f"{truth}{classes[asked]} {explanation.probabilities[asked]:.2f}",
        fontsize=8,
        color="#B00020" if wrong else "#222222",
    )
