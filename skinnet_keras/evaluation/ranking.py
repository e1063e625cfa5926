"""Metrics of how well a score ranks one class above the rest: areas and operating points.

They see an image only through the order of scores, and accept how often each image counts, so one
definition serves the tables and the bootstrap. Images of equal score are on the same side of every
threshold.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from skinnet_keras.errors import UserError

RANKING_METRICS = (
    "auc",
    "average_precision",
    "pauc",
    "sensitivity_at_specificity",
    "specificity_at_sensitivity",
)


@dataclass(frozen=True)
class OperatingPoints:
    """Where on the ROC curve the metrics of a part of it look.

    Attributes:
        min_tpr: Sensitivity above which `pauc` takes the area, 0 <= value < 1; 0.8 is that of
            ISIC-2024 (kaggle.com/competitions/isic-2024-challenge).
        specificity: Specificity that `sensitivity_at_specificity` keeps, 0..1.
        sensitivity: Sensitivity that `specificity_at_sensitivity` reaches, 0 < value <= 1; at 0.95
            Codella et al. compare systems on ISIC-2016 (arXiv:1610.04662).

    Raises:
        UserError: A value is out of its range.
    """

    min_tpr: float = 0.8
    specificity: float = 0.95
    sensitivity: float = 0.95

    def __post_init__(self) -> None:
        if not 0.0 <= self.min_tpr < 1.0:
            raise UserError(f"min_tpr {self.min_tpr}: choose a sensitivity from 0 to below 1.")
        if not 0.0 <= self.specificity <= 1.0:
            raise UserError(f"specificity {self.specificity}: choose a value from 0 to 1.")
        if not 0.0 < self.sensitivity <= 1.0:
            raise UserError(f"sensitivity {self.sensitivity}: choose a value above 0, up to 1.")


class Ranking:
    """The order of images by the score of one class.

    The ROC curve rises only at scores that positives have, so it is kept as sums of weights: of
    the positives at each such threshold, of the negatives that come in with it, and, where there
    are any, of the negatives that tie with its positives.
    """

    def __init__(
        self, is_class: np.ndarray, score: np.ndarray, groups: np.ndarray | None = None
    ) -> None:
        """Sort.

        Args:
            is_class: bool (N,).
            score: float (N,), higher = more likely of the class.
            groups: int (N,) number of every image's group, 0..G - 1 without gaps; None = every
                image is a group of its own.
        """
        is_class = np.asarray(is_class, dtype=bool)
        columns = np.arange(len(score)) if groups is None else groups
        thresholds = np.unique(score[is_class])[::-1]
        u = len(thresholds)
        # Thresholds above a score = the first threshold that lets it in; u = none does.
        first = np.searchsorted(-thresholds, -score, side="left")
        ties = ~is_class & np.isin(score, thresholds)
        self.num_thresholds = u
        self.tied, tie_row = np.unique(first[ties], return_inverse=True)
        rows = np.concatenate([np.where(is_class, first, u + first), 2 * u + 1 + tie_row])
        columns = np.concatenate([columns, columns[ties]])
        shape = (2 * u + 1 + len(self.tied), int(columns.max(initial=-1)) + 1)
        # Entries of the same group and threshold are summed.
        self._sums = sparse.csr_array((np.ones(len(rows)), (rows, columns)), shape=shape)

    def metrics(self, weights: np.ndarray, points: OperatingPoints) -> dict[str, np.ndarray]:
        """Areas and operating points.

        - `auc`: area under the ROC curve: how often a positive outscores a negative, ties counting
          half.
        - `average_precision`: sum over thresholds of the precision there times the recall gained,
          as scikit-learn has it: no interpolation between points of the precision-recall curve.
        - `pauc`: the part of the area under the (linearly interpolated) ROC curve that lies above
          the sensitivity `min_tpr`: the score of ISIC-2024, not rescaled, so 0..1 - min_tpr (0.2)
          and (1 - min_tpr)^2 / 2 (0.02) for chance. Divided by 1 - min_tpr it is the mean
          specificity over the sensitivities above `min_tpr`; with `min_tpr` 0 it is `auc`.
          scikit-learn's `max_fpr`, on the mirrored problem, gives it rescaled to 0.5..1.
        - `sensitivity_at_specificity`: the largest sensitivity of a threshold whose specificity is
          at least `specificity`. Thresholds are observed scores (positive = score >= threshold) or
          one above all of them; nothing is interpolated, so ties can leave only 0.
        - `specificity_at_sensitivity`: likewise the largest specificity of a threshold whose
          sensitivity is at least `sensitivity`.

        Args:
            weights: float (G, R), whole numbers: how often each group counts in each of R data
                sets.
            points: The parameters.

        Returns:
            float64 (R,) by the names of `RANKING_METRICS`; NaN where there is no positive or, for
            all but `average_precision`, no negative.
        """
        u, resamples = self.num_thresholds, weights.shape[1]
        if not u:
            return {name: np.full(resamples, np.nan) for name in RANKING_METRICS}
        sums = self._sums @ weights
        step, ties = sums[:u], sums[2 * u + 1 :]
        tp, fp = np.cumsum(step, axis=0), np.cumsum(sums[u : 2 * u], axis=0)
        positives, negatives = tp[-1], fp[-1] + sums[2 * u]
        tied = self.tied
        with np.errstate(divide="ignore", invalid="ignore"):
            pairs = positives * negatives
            below = (step * fp).sum(axis=0) - (step[tied] * ties).sum(axis=0) / 2
            precision = tp / np.maximum(tp + fp, 1.0)  # 0 / 0 before the first image
            # The part of each step above the floor, in positives; false positives rise along it.
            floor = points.min_tpr * positives
            part = np.clip(tp - np.maximum(tp - step, floor), 0.0, None)
            rise = ties * part[tied] ** 2 / np.maximum(step[tied], 1.0)
            left = (part * fp).sum(axis=0) - rise.sum(axis=0) / 2
            # Both curves are monotone, so counting thresholds finds the last and the first one.
            specific = ((negatives - fp) / negatives >= points.specificity).sum(axis=0)
            insensitive = (tp / positives < points.sensitivity).sum(axis=0)
            columns = np.arange(resamples)
            caught = np.where(specific > 0, tp[specific - 1, columns], 0.0)
            found = {
                "auc": 1.0 - below / pairs,
                "average_precision": (step * precision).sum(axis=0) / positives,
                "pauc": (1.0 - points.min_tpr) - left / pairs,
                "sensitivity_at_specificity": caught / positives,
                "specificity_at_sensitivity": (negatives - fp[insensitive, columns]) / negatives,
            }
        undefined = dict.fromkeys(RANKING_METRICS, pairs == 0.0)
        undefined["average_precision"] = positives == 0.0
        return {name: np.where(undefined[name], np.nan, found[name]) for name in RANKING_METRICS}


def binary_auc(is_class: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve of one score.

    Args:
        is_class: bool (N,).
        score: float (N,), higher = more likely positive.

    Returns:
        0..1; NaN where all rows are positive or all negative.
    """
    once = np.ones((len(score), 1))
    return float(Ranking(is_class, score).metrics(once, OperatingPoints())["auc"][0])
