"""The section on images of no known class, from what `skinnet ood` left."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from skinnet_keras.evaluation.ood import DEFAULT_SCORE, detection_table
from skinnet_keras.evaluation.ood_plot import plot_detection
from skinnet_keras.evaluation.stored_results import UnusableResultError, read_result
from skinnet_keras.evaluation.table import with_interval
from skinnet_keras.reporting.blocks import Block, Cards, Paragraph, Section, TableBlock
from skinnet_keras.reporting.drawings import figure_block


def read_detection(file: Path, weights: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """Read what `skinnet ood` wrote.

    Args:
        file: It.
        weights: Hashes of the run's model files as they are now.

    Returns:
        Set -> as `evaluation.ood.detection_report`; one at least.

    Raises:
        UnusableResultError: It is missing, damaged or of other weights.
    """
    content = read_result(file, weights)
    try:
        sets = dict(content["sets"])
        detection_table(sets, "")
        _cards(sets)
    except (KeyError, TypeError, ValueError, AttributeError, StopIteration) as error:
        raise UnusableResultError(file, f"{file.name} is damaged") from error
    return sets


def unknown_input_section(sets: Mapping[str, Mapping[str, Any]], name: str) -> Section:
    """How well scores tell known images from others.

    Args:
        sets: As `read_detection` returns it.
        name: Of the run.
    """
    blocks: list[Block] = [
        Paragraph(
            "The classifier calls whatever it is shown by one of its classes. A score is to tell "
            "the test images from pictures of something else: classes it was not trained on, "
            "everyday photographs, textures. An AUROC of 0.5 is guessing; below it the score takes "
            "the others for better known."
        ),
        Cards(_cards(sets)),
        figure_block(
            lambda path: plot_detection(sets, path),
            "AUROC of each score against each set of other images; the table below holds them",
            "Dots: estimate, bars: 95 % interval over lesions, dashed: guessing.",
            wide=True,
        ),
        TableBlock(detection_table(sets, name)),
    ]
    return Section("unknown", "Unknown input", blocks)


def _cards(sets: Mapping[str, Mapping[str, Any]]) -> list[tuple[str, str, str]]:
    """The score that was chosen beforehand against each set."""
    score = DEFAULT_SCORE
    cards = []
    for outside, part in sets.items():
        row = part["scores"][score]
        value, bounds = row["auroc"], row["ci"]["auroc"]
        note = "" if bounds is None else f"95 % interval {bounds[0]:.3f} to {bounds[1]:.3f}"
        passing = with_interval(row["fpr_at_95_tpr"], None, ".3f")
        note = "; ".join(part for part in (note, f"FPR at 95 % TPR {passing}") if part)
        title = f"AUROC, {score.capitalize()}: {outside}"
        cards.append((title, with_interval(value, None, ".3f"), note))
    return cards
