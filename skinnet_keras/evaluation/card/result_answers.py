"""Answers about the evaluation; each takes a card."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.card.limits import external_sources, significant_gaps
from skinnet_keras.evaluation.subgroups.attributes import HEADINGS
from skinnet_keras.evaluation.table import with_interval

Card = Mapping[str, Any]


def metrics(card: Card) -> str:
    """What was computed."""
    return (
        "Balanced accuracy (mean recall), accuracy, recall, specificity, precision and F1 of each "
        "class, their means weighted by class, errors on rare classes, AUC one against rest, "
        "melanoma sensitivity and specificity, mean confidence less accuracy."
    )


def uncertainty(card: Card) -> str | None:
    """Intervals and tests."""
    resamples = card["subgroups"]["bootstrap"]
    if not resamples:
        return None
    return (
        f"95 % percentile intervals of {resamples:,} resamples of groups (lesions or patients). "
        "Largest gaps between subgroups: intervals for all pairs at once, permutation tests within "
        "classes, p values adjusted by Holm's method."
    )


def performance(card: Card) -> str:
    """The headline figures, and where those of subgroups are."""
    return f"{_headline(card)} Subgroups: see their tables."


def internal_test(card: Card) -> str:
    """On which images."""
    evaluation = card["evaluation"]
    return (
        f"{evaluation['n']:,} images of {card['subgroups']['lesions']:,} groups of the "
        f"{evaluation['split']} split. {_headline(card)}"
    )


def external_test(card: Card) -> str:
    """Sources of the test split that training did not see."""
    outside = external_sources(card)
    if outside:
        return f"Sources of evaluated images without training images: {', '.join(outside)}."
    return "None: every source of evaluated images is also one of training images."


def differences(card: Card) -> str:
    """How evaluated images differ from training images, by origin."""
    outside = external_sources(card)
    if outside:
        return external_test(card)
    return (
        "Both are parts of the same sources, of other lesions; their patients are in the table of "
        "patients."
    )


def diagnostic(card: Card) -> str | None:
    """Melanoma against the rest, and recall of every class."""
    overall = card["subgroups"]["overall"]
    if overall["metrics"]["mel_sensitivity"] is None:
        return None
    recalls = ", ".join(
        f"{label} {with_interval(value, overall['recall_ci'][label], '.3f')}"
        for label, value in overall["recall"].items()
        if value is not None
    )
    sensitivity, specificity = (_of(overall, f"mel_{name}") for name in _RATES)
    return (
        f"Melanoma as most probable class: sensitivity {sensitivity}, specificity {specificity}. "
        f"Recall: {recalls}."
    )


def failures(card: Card) -> str | None:
    """The most frequent confusions."""
    classes, matrix = card["model"]["classes"], card["evaluation"]["confusion"]
    wrong = sorted(
        (
            (count, true, predicted)
            for true, row in zip(classes, matrix, strict=True)
            for predicted, count in zip(classes, row, strict=True)
            if count and true != predicted
        ),
        key=lambda cell: -cell[0],
    )
    if not wrong:
        return None
    named = ", ".join(f"{true} taken for {found} {n}" for n, true, found in wrong[:5])
    return f"{sum(n for n, _, _ in wrong):,} images are misclassified; most often {named}."


def robustness(card: Card) -> str:
    """The subgroup analysis."""
    attributes = card["subgroups"]["attributes"]
    named = ", ".join(HEADINGS[name].lower() for name in attributes)
    tests = sum(
        1
        for part in attributes.values()
        for gap in part["gaps"].values()
        if gap and gap["p_holm"] is not None
    )
    gaps = significant_gaps(card)
    found = "; ".join(gaps) if gaps else "none"
    return f"Subgroups by {named}; {tests} tests of largest gaps, below 0.05 after Holm: {found}."


def clusters(card: Card) -> str:
    """Balanced accuracy by source."""
    part = card["subgroups"]["attributes"].get("source")
    if part is None:
        return "Not examined."
    rows = ", ".join(
        f"{row['name']} {_of(row, 'balanced_accuracy')}"
        for row in part["subgroups"]
        if row["metrics"]["balanced_accuracy"] is not None
    )
    if not rows:
        return "By source: too few lesions of the same classes to compare."
    return f"Balanced accuracy over {', '.join(part['classes'])} by source: {rows}."


def updating(card: Card) -> str:
    """Whether the probabilities were calibrated."""
    kind = card["evaluation"]["calibration"]
    if kind is None:
        return "None: the figures are of the model's own probabilities, not recalibrated."
    return f"Calibrated on the validation split ({kind}); the figures are of the result."


def predictions(card: Card) -> str:
    """How the probabilities were computed."""
    calibrated = ", calibrated" if card["evaluation"]["calibration"] else ""
    return (
        f"By the run's model, in predictions_{card['evaluation']['split']}.csv{calibrated}; "
        "`skinnet predict` computes those of new images."
    )


def limitations(card: Card) -> str:
    """The card's limits."""
    return " ".join(card["limits"])


_RATES = ("sensitivity", "specificity")


def _headline(card: Card) -> str:
    report = card["evaluation"]["metrics"]
    named = (("balanced_accuracy", "Balanced accuracy"), ("accuracy", "accuracy"))
    figures = [
        f"{heading} {with_interval(report[key], report['ci'].get(key), '.3f')}"
        for key, heading in (*named, ("macro_auc", "macro AUC"))
    ]
    return f"{', '.join(figures)}."


def _of(row: Mapping[str, Any], metric: str) -> str:
    return with_interval(row["metrics"][metric], row["ci"][metric], ".3f")
