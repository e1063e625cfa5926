"""Recall of each class by two systems on the same images: differences with paired intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skinnet_keras.evaluation.bootstrap import (
    DEFAULT_RESAMPLES,
    group_counts,
    group_indices,
    part_size,
    percentile_interval,
)
from skinnet_keras.evaluation.confusion import per_class_metrics
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.scorer import Scorer


@dataclass(frozen=True)
class RecallChange:
    """Recall of one class.

    Attributes:
        label: The class.
        images: Images of it.
        first: Recall of the first system, 0..1; None where there is no image.
        this: Recall of the other.
        difference: `this` less `first`.
        interval: 95 % bounds of `difference`, from a bootstrap of groups that is paired.
    """

    label: str
    images: int
    first: float | None
    this: float | None
    difference: float | None
    interval: tuple[float, float] | None


def recall_changes(
    first: Predictions,
    this: Predictions,
    *,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> list[RecallChange]:
    """Compare the recall of each class.

    Args:
        first: Labelled predictions, as `Predictions.scored` gives them; its groups are resampled.
        this: Predictions of the same images in the same order.
        bootstrap: Number of resamples.
        seed: Seed of the draws.

    Raises:
        ValueError: The images, labels or classes differ.
    """
    if (first.image_ids, first.labels, first.classes) != (
        this.image_ids,
        this.labels,
        this.classes,
    ):
        raise ValueError("both predictions must be of the same images, labels and classes.")
    groups = group_indices(first.groups, len(first.labels))
    scorers = [Scorer(predictions, groups) for predictions in (first, this)]
    num_groups = scorers[0].num_groups
    once = _recalls(scorers, np.ones((num_groups, 1)))
    draws = group_counts(num_groups, resamples=bootstrap, seed=seed, step=part_size(num_groups))
    resampled = np.concatenate([_recalls(scorers, counts) for counts in draws], axis=1)
    before, after = once[:, 0]
    change = resampled[1] - resampled[0]
    return [
        RecallChange(
            label,
            first.labels.count(label),
            _defined(before[k]),
            _defined(after[k]),
            _defined(after[k] - before[k]),
            percentile_interval(change[:, k]),
        )
        for k, label in enumerate(first.classes)
    ]


def _recalls(scorers: Sequence[Scorer], counts: np.ndarray) -> np.ndarray:
    """Recalls (systems, R, K) of R data sets."""
    return np.stack([per_class_metrics(s.confusions(counts))["recall"] for s in scorers])


def _defined(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
