"""Figures of an evaluation, PNG or SVG: confusion matrix, curves, training, mask overlays.

The suffix of the path decides. Figures are built without pyplot: no global state, no display,
safe in worker threads.
"""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.ranking import binary_auc

# Okabe and Ito's palette, told apart by colour-blind readers too; grey is the ninth class.
PALETTE = (
    "#0072B2",
    "#D55E00",
    "#009E73",
    "#CC79A7",
    "#E69F00",
    "#56B4E9",
    "#8C6D31",
    "#333333",
    "#999999",
)
TRAINING_COLOUR, VALIDATION_COLOUR = PALETTE[0], PALETTE[1]
PREDICTED_COLOUR, REFERENCE_COLOUR = "#00E5FF", "#FFD400"
# rc_context wants its keys as one huge Literal; plain strings do.
STYLE: dict[Any, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titlelocation": "left",
    "axes.titleweight": "bold",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#666666",
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E5E5E5",
    "grid.linewidth": 0.8,
    "xtick.color": "#444444",
    "ytick.color": "#444444",
    "legend.frameon": False,
    "legend.fontsize": 8,
    "lines.linewidth": 1.6,
    "figure.dpi": 150,
    "svg.fonttype": "none",  # text stays text
}


def plot_confusion_matrix(
    confusion: np.ndarray, classes: Sequence[str], path: str | Path, *, title: str = ""
) -> None:
    """Draw counts on cells coloured by their share of the row (the true class).

    Args:
        confusion: int (K, K), rows true, columns predicted.
        classes: K class names.
        path: PNG or SVG to write.
        title: Heading of the figure.
    """
    k = len(classes)
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(1.8 + 0.62 * k, 1.2 + 0.58 * k), layout="constrained")
        axes = figure.add_subplot()
        image = axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0)
        for row in range(k):
            for column in range(k):
                count = int(confusion[row, column])
                ink = "white" if shares[row, column] > 0.55 else "#222222" if count else "#BBBBBB"
                axes.text(column, row, str(count), ha="center", va="center", color=ink)
        axes.set_xticks(range(k), classes)
        axes.set_yticks(range(k), classes)
        axes.set_xticks(np.arange(k - 1) + 0.5, minor=True)
        axes.set_yticks(np.arange(k - 1) + 0.5, minor=True)
        axes.grid(which="minor", color="white", linewidth=1.5)
        axes.tick_params(which="both", length=0)
        axes.spines[:].set_visible(False)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(title)
        bar = figure.colorbar(image, ax=axes, fraction=0.045, pad=0.02)
        bar.set_label("share of the true class")
        bar.outline.set_visible(False)
        save_figure(figure, path)


def plot_roc(predictions: Predictions, path: str | Path, *, title: str = "") -> None:
    """Draw a one-against-rest ROC curve of every class that has positives and negatives.

    Args:
        predictions: The images to score; unlabelled rows are left out.
        path: PNG or SVG to write.
        title: Heading of the figure.
    """
    scored = predictions.scored()
    true = scored.true_indices()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 5.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color="#AAAAAA", linewidth=1.0, linestyle=(0, (4, 3)))
        for k, label in enumerate(scored.classes):
            is_class, score = true == k, scored.probabilities[:, k]
            auc = binary_auc(is_class, score)
            if math.isnan(auc):
                continue
            axes.plot(
                *_roc_curve(is_class, score),
                color=PALETTE[k % len(PALETTE)],
                label=f"{label}  {auc:.3f}  (n = {is_class.sum()})",
            )
        axes.set_aspect("equal")
        axes.set_xlim(-0.01, 1.0)
        axes.set_ylim(0.0, 1.01)
        axes.set_xlabel("false positive rate (1 - specificity)")
        axes.set_ylabel("true positive rate (recall)")
        axes.set_title(title)
        if axes.get_legend_handles_labels()[0]:
            axes.legend(title="class, AUC", loc="lower right", alignment="left")
        save_figure(figure, path)


def plot_history(history_csv: str | Path, path: str | Path, *, title: str = "") -> None:
    """Draw the training curves of a run: one panel a metric, training and validation together.

    Epochs are counted through the stages; a thin line marks where the next stage begins.

    Args:
        history_csv: A run's `history.csv`: columns `stage`, `epoch`, then numbers (empty = not
            measured in that epoch). `val_<name>` shares the panel of `<name>`.
        path: PNG or SVG to write.
        title: Heading of the figure.

    Raises:
        UserError: The file cannot be read or holds no number.
    """
    stages, series = _read_history(Path(history_csv))
    panels = list(dict.fromkeys(name.removeprefix("val_") for name in series))
    columns = min(len(panels), 2)
    rows = math.ceil(len(panels) / columns)
    ends = [n for n in range(1, len(stages)) if stages[n] != stages[n - 1]]
    spans = list(itertools.pairwise([0, *ends, len(stages)]))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(4.4 * columns, 0.6 + 2.5 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes, name in zip(grid, panels, strict=False):
            for start, stop in spans:
                _curve(axes, series.get(name), start, stop, TRAINING_COLOUR)
                _curve(axes, series.get(f"val_{name}"), start, stop, VALIDATION_COLOUR)
                if len(spans) > 1:
                    axes.axvline(start + 0.5, color="#BBBBBB", linewidth=1.0)
                    axes.annotate(
                        stages[start],
                        (start + 0.5, 1.0),
                        xytext=(3, -2),
                        xycoords=("data", "axes fraction"),
                        textcoords="offset points",
                        va="top",
                        fontsize=7,
                        color="#777777",
                    )
            if name == "learning_rate":
                axes.set_yscale("log")
            axes.set_title(name.replace("_", " "))
            axes.set_xlim(0.5, len(stages) + 0.5)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
            axes.margins(y=0.16)
        for axes in grid[len(panels) :]:
            axes.set_visible(False)
        figure.supxlabel("epoch, counted through the stages", fontsize=9, color="#444444")
        lines = [
            Line2D([], [], color=TRAINING_COLOUR, label="training"),
            Line2D([], [], color=VALIDATION_COLOUR, label="validation"),
        ]
        figure.legend(handles=lines, loc="outside upper right", ncols=2)
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold")
        save_figure(figure, path)


def plot_mask_overlays(
    images: Sequence[np.ndarray],
    predicted: Sequence[np.ndarray],
    path: str | Path,
    *,
    true: Sequence[np.ndarray | None] | None = None,
    captions: Sequence[str] | None = None,
    columns: int = 4,
    title: str = "",
) -> None:
    """Draw a sheet of images with the outline of their masks.

    Args:
        images: N images, uint8 (H, W, 3).
        predicted: N masks, {0, 1} (H, W) of the image's size.
        path: PNG or SVG to write.
        true: N reference masks (None = there is none), or None for the whole sheet.
        captions: N short texts, such as names and Dice.
        columns: Images a row.
        title: Heading of the figure.

    Raises:
        ValueError: There is no image, or the lengths differ.
    """
    n = len(images)
    references = [None] * n if true is None else list(true)
    titles = [""] * n if captions is None else list(captions)
    if not n or len(predicted) != n or len(references) != n or len(titles) != n:
        raise ValueError("an overlay sheet needs one mask, reference and caption for every image")
    columns = min(columns, n)
    rows = math.ceil(n / columns)
    with matplotlib.rc_context({**STYLE, "axes.grid": False}):
        figure = Figure(figsize=(2.3 * columns, 0.35 + 2.45 * rows), layout="constrained")
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid:
            axes.set_axis_off()
        for axes, image, mask, reference, caption in zip(
            grid, images, predicted, references, titles, strict=False
        ):
            axes.imshow(image)
            _outline(axes, reference, REFERENCE_COLOUR)
            _outline(axes, mask, PREDICTED_COLOUR)
            axes.set_title(caption, fontsize=8, weight="normal")
        lines = [Line2D([], [], color=PREDICTED_COLOUR, label="predicted")]
        if true is not None:
            lines.append(Line2D([], [], color=REFERENCE_COLOUR, label="reference"))
        # Grey behind the two names: bright lines that show on skin vanish on white paper.
        legend = figure.legend(handles=lines, loc="outside lower left", ncols=2, frameon=True)
        legend.get_frame().set(facecolor="#555555", edgecolor="none")
        for text in legend.get_texts():
            text.set_color("white")
        if title:
            figure.suptitle(title, x=0.01, ha="left", fontsize=11, weight="bold")
        save_figure(figure, path)


def _roc_curve(is_class: np.ndarray, score: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """False and true positive rates at every distinct threshold, from (0, 0) to (1, 1)."""
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(is_class[order])
    # Only the last row of equal scores is a threshold: ties make one slanted step.
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)
    true_positives = hits[last]
    false_positives = last + 1 - true_positives
    return (
        np.append(0.0, false_positives / false_positives[-1]),
        np.append(0.0, true_positives / true_positives[-1]),
    )


def _curve(axes: Axes, values: np.ndarray | None, start: int, stop: int, colour: str) -> None:
    """One stage's part of a curve: stages do not share a loss, so no line joins them."""
    if values is None:
        return
    # Metrics measured every few epochs stay connected; few points are shown as dots.
    known = start + np.flatnonzero(~np.isnan(values[start:stop]))
    marker = "o" if len(known) <= 12 else ""
    axes.plot(known + 1, values[known], color=colour, marker=marker, markersize=3)


def _outline(axes: Axes, mask: np.ndarray | None, colour: str) -> None:
    if mask is None or mask.min() == mask.max():
        return  # nothing to outline
    axes.contour(mask.astype(float), levels=[0.5], colors=[colour], linewidths=1.3)


def _read_history(path: Path) -> tuple[list[str], dict[str, np.ndarray]]:
    """Stage of every row, and every column that holds a number (empty = NaN)."""
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
        series = {
            name: np.array([float(row[name]) if row[name] else np.nan for row in rows])
            for name in (rows[0] if rows else {})
            if name not in ("stage", "epoch")
        }
        stages = [row["stage"] for row in rows]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, TypeError, ValueError) as error:
        raise UserError(f"{path} cannot be read as a training history: {error}.") from error
    series = {name: values for name, values in series.items() if not np.isnan(values).all()}
    if not series:
        raise UserError(f"{path} holds no number to draw: columns stage, epoch, loss, ...")
    return stages, series
