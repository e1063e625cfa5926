"""The sections on how well one set of predictions does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skinnet_keras.evaluation import interval_tables, plots, tables
from skinnet_keras.evaluation.bootstrap import group_indices
from skinnet_keras.evaluation.confusion import confusion_matrix
from skinnet_keras.evaluation.precision_recall_plot import plot_precision_recall
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.table import number
from skinnet_keras.reporting.blocks import Block, Cards, Notes, Section, TableBlock
from skinnet_keras.reporting.drawings import figure_block

MELANOMA = "MEL"
# Below it one image more or less moves a class's recall by five points.
FEW_IMAGES = 20


def summary_section(report: Mapping[str, Any], scored: Predictions, name: str) -> Section:
    """The headline, and what must be known to read it."""
    cards = [
        _card("Balanced accuracy", report, "balanced_accuracy"),
        _card("Macro ROC-AUC", report, "macro_auc"),
        _card("Accuracy", report, "accuracy"),
    ]
    melanoma = report["per_class"].get(MELANOMA)
    if melanoma and melanoma["support"]:
        found = f"{melanoma['tp']} of {melanoma['support']} found"
        cards.append(("Melanoma sensitivity", f"{melanoma['recall']:.3f}", found))
    cards += [
        _card("Errors, all classes", report, "errors_all"),
        _card("Errors with a rare class", report, "errors_rare_5"),
    ]
    warnings = _warnings(report, scored)
    return Section(
        "summary",
        "Summary",
        [
            Cards(cards),
            *([Notes(warnings)] if warnings else []),
            TableBlock(interval_tables.headline(report, name)),
        ],
    )


def lead_sentence(report: Mapping[str, Any], scored: Predictions, name: str) -> str:
    """What most readers take away."""
    present = sum(row["support"] > 0 for row in report["per_class"].values())
    units = len(np.unique(group_indices(scored.groups, len(scored.labels))))
    lesions = "" if scored.groups is None else f" of {units:,} lesions"
    return (
        f"On {report['n']:,} images{lesions} {name} recognises "
        f"{_percent(report['balanced_accuracy'])} of a class on average"
        f"{_percent_interval(report, 'balanced_accuracy')}; guessing would recognise "
        f"{_percent(1 / max(present, 1))}."
    )


def class_section(report: Mapping[str, Any], scored: Predictions, name: str) -> Section:
    """Tables 2-5 of the paper, the confusion matrix and the curves."""
    confusion = confusion_matrix(
        scored.true_indices(), scored.predicted_indices(), len(scored.classes)
    )
    blocks: list[Block] = [
        TableBlock(tables.per_class(report, name)),
        figure_block(
            lambda path: plots.plot_confusion_matrix(confusion, scored.classes, path),
            "Confusion matrix; the table below holds its numbers",
            "Images by true class (rows) and predicted class (columns), coloured by their share "
            "of the true class.",
            wide=True,
        ),
        TableBlock(tables.confusion(confusion, scored.classes, name), folded=True),
        figure_block(
            lambda path: plots.plot_roc(scored, path),
            "ROC curve of every class against the rest",
            "Every class against the rest, the area under its curve, and its number of images.",
        ),
        figure_block(
            lambda path: plot_precision_recall(scored, path),
            "Precision-recall curve of every class against the rest",
            "Average precision; in brackets the class's share, which guessing would reach.",
        ),
    ]
    return Section("classes", "By class", blocks)


def _warnings(report: Mapping[str, Any], scored: Predictions) -> list[str]:
    texts = []
    support = {label: row["support"] for label, row in report["per_class"].items()}
    few = [f"{label} ({n})" for label, n in support.items() if 0 < n < FEW_IMAGES]
    if few:
        texts.append(
            f"Fewer than {FEW_IMAGES} images of {', '.join(few)}: an image more or less moves "
            "the recall of such a class, and with it balanced accuracy, by points."
        )
    absent = [label for label, n in support.items() if not n]
    if absent:
        texts.append(
            f"No image of {', '.join(absent)}: averages are over the other classes, and are not "
            "comparable with averages over all."
        )
    if scored.groups is None:
        texts.append(
            "The predictions name no groups: intervals are over images, and too narrow where a "
            "lesion or a patient has several."
        )
    return texts


def _card(label: str, report: Mapping[str, Any], key: str) -> tuple[str, str, str]:
    interval = report["ci"].get(key)
    form = ".0f" if key in tables.COUNTS else ".3f"
    value = number(report[key], form)
    if interval is None:
        return label, value, f"of {report['n']:,} images"
    return label, value, f"95 % interval {interval[0]:{form}} to {interval[1]:{form}}"


def _percent(value: float | None) -> str:
    return "an undefined share" if value is None else f"{100 * value:.1f} %"


def _percent_interval(report: Mapping[str, Any], key: str) -> str:
    interval = report["ci"].get(key)
    if interval is None:
        return ""
    return f" (95 % interval {100 * interval[0]:.1f} to {100 * interval[1]:.1f} %)"
