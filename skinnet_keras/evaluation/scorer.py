"""Every classification metric as a function of how often each group of images counts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from scipy import sparse

from skinnet_keras.evaluation.bootstrap import group_counts, part_size
from skinnet_keras.evaluation.confusion import (
    MEAN_COLUMNS,
    WEIGHTED_COLUMNS,
    headline_metrics,
    mean_of_defined,
    per_class_metrics,
)
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.ranking import RANKING_METRICS, OperatingPoints, Ranking

PER_CLASS = (*MEAN_COLUMNS, *WEIGHTED_COLUMNS, *RANKING_METRICS)
"""Metrics of a class against the rest, counts left out."""


class Scores(NamedTuple):
    """Metrics of R data sets.

    Attributes:
        headline: Name -> (R,).
        per_class: Name of `PER_CLASS` -> float (R, K).
    """

    headline: dict[str, np.ndarray]
    per_class: dict[str, np.ndarray]


class Scorer:
    """Predictions, sorted once, that can be scored with any weights of their groups.

    A data set of G groups is a vector of how often each counts: all ones are the predictions
    themselves, a draw of the bootstrap is a resample.

    Attributes:
        classes: K class names.
        points: Parameters of the ranking metrics.
        num_images: N.
        num_groups: G.
        groups_behind: Groups with an image that a rate of the class is a share of: int (K,) by
            `recall` (images of the class), `precision` (called it), `specificity` (not of it).
    """

    def __init__(
        self, scored: Predictions, groups: np.ndarray, points: OperatingPoints | None = None
    ) -> None:
        """Sort and count.

        Args:
            scored: N labelled images, as `Predictions.scored` gives them.
            groups: int (N,) number of every image's group, 0..G - 1 without gaps.
            points: Parameters of the ranking metrics; None for the defaults.
        """
        self.classes = scored.classes
        self.points = points or OperatingPoints()
        self.num_images, self.num_groups = len(groups), int(groups.max(initial=-1)) + 1
        k = len(self.classes)
        true, predicted = scored.true_indices(), scored.predicted_indices()
        cells = true * k + predicted
        shape = (k * k, self.num_groups)
        self._cells = sparse.csr_array((np.ones(len(cells)), (cells, groups)), shape=shape)
        pairs = np.unique(groups * k + true)
        alone = np.bincount(pairs // k, minlength=self.num_groups)[pairs // k] == 1
        self.groups_behind = {
            "recall": np.bincount(pairs % k, minlength=k),
            "precision": np.bincount(np.unique(groups * k + predicted) % k, minlength=k),
            "specificity": self.num_groups - np.bincount(pairs[alone] % k, minlength=k),
        }
        self._rankings = [Ranking(true == j, scored.probabilities[:, j], groups) for j in range(k)]

    def confusions(self, weights: np.ndarray) -> np.ndarray:
        """Confusion matrices, rows true, columns predicted.

        Args:
            weights: float (G, R), whole numbers: how often each group counts in each data set.

        Returns:
            int64 (R, K, K).
        """
        k = len(self.classes)
        return (self._cells @ weights).T.reshape(-1, k, k).astype(np.int64)

    def __call__(self, weights: np.ndarray) -> Scores:
        """Score data sets.

        Args:
            weights: float (G, R), whole numbers: how often each group counts in each data set.
        """
        confusions = self.confusions(weights)
        headline = headline_metrics(confusions, self.classes)
        of_classes = per_class_metrics(confusions)
        ranked = [ranking.metrics(weights, self.points) for ranking in self._rankings]
        per_class = {name: of_classes[name] for name in (*MEAN_COLUMNS, *WEIGHTED_COLUMNS)}
        for name in RANKING_METRICS:
            per_class[name] = np.stack([values[name] for values in ranked], axis=-1)
            headline[f"macro_{name}"] = mean_of_defined(per_class[name])
        return Scores(headline, per_class)


def resample_scores(scorer: Scorer, *, resamples: int, seed: int) -> Scores:
    """Score resampled data sets, some at a time so that memory stays bounded.

    Scorers of the same groups get the same draws from one seed: their scores are paired.

    Args:
        scorer: The predictions.
        resamples: R, at least 1.
        seed: Seed of the draws.

    Returns:
        The scores of R data sets.
    """
    step = part_size(scorer.num_groups + 2 * scorer.num_images)
    draws = group_counts(scorer.num_groups, resamples=resamples, seed=seed, step=step)
    parts = [scorer(counts) for counts in draws]
    return Scores(*(_joined(dicts) for dicts in zip(*parts, strict=True)))


def _joined(parts: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
