"""Precision-recall curves: for rare classes they tell more than ROC curves do."""

from __future__ import annotations

from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve

from skinnet_keras.data.figures.canvas import save_figure
from skinnet_keras.evaluation.plots import PALETTE, STYLE
from skinnet_keras.evaluation.predictions import Predictions


def plot_precision_recall(predictions: Predictions, path: str | Path, *, title: str = "") -> None:
    """Draw a one-against-rest precision-recall curve of every class that has images.

    Args:
        predictions: The images to score; unlabelled rows are left out.
        path: PNG or SVG to write.
        title: Heading of the figure.
    """
    scored = predictions.scored()
    true = scored.true_indices()
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(5.6, 5.9), layout="constrained")
        axes = figure.add_subplot()
        for k, label in enumerate(scored.classes):
            is_class, score = true == k, scored.probabilities[:, k]
            if not is_class.any():
                continue
            precision, recall, _ = precision_recall_curve(is_class, score)
            average = average_precision_score(is_class, score)
            axes.step(
                recall,
                precision,
                where="post",
                color=PALETTE[k % len(PALETTE)],
                label=f"{label}  {average:.3f}  ({is_class.mean():.3f})",
            )
        axes.set_aspect("equal")
        axes.set_xlim(0.0, 1.01)
        axes.set_ylim(0.0, 1.01)
        axes.set_xlabel("recall")
        axes.set_ylabel("precision")
        axes.set_title(title)
        if axes.get_legend_handles_labels()[0]:
            # Under the curves: they leave no corner free.
            figure.legend(
                title="class, average precision (by chance)",
                loc="outside lower center",
                ncols=3,
                alignment="left",
            )
        save_figure(figure, path)
