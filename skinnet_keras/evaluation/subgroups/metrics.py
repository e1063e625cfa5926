"""Metrics of a part of the images, for many weightings of the images at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from skinnet_keras.evaluation.confusion import per_class_metrics
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.subgroups.pair_auc import pair_auc

METRICS = {
    "balanced_accuracy": "Balanced accuracy",
    "accuracy": "Accuracy",
    "mel_sensitivity": "MEL sensitivity",
    "mel_specificity": "MEL specificity",
    "pair_auc": "AUC, pairs",
    "overconfidence": "Overconfidence",
}
"""Key of every metric but the recalls -> heading."""

MELANOMA = "MEL"
_CELLS = 4_000_000  # weights handled at a time


@dataclass(frozen=True)
class Scored:
    """Labelled predictions as numbers.

    Attributes:
        classes: Names of the K classes.
        true: int64 (N,).
        predicted: int64 (N,), the most probable class.
        probabilities: float64 (N, K).
        lesions: int64 (N,), number of each image's lesion (group), without gaps.
    """

    classes: tuple[str, ...]
    true: np.ndarray
    predicted: np.ndarray
    probabilities: np.ndarray
    lesions: np.ndarray

    @classmethod
    def of(cls, predictions: Predictions, lesions: np.ndarray) -> Scored:
        """Turn predictions into numbers.

        Args:
            predictions: N rows whose label is one of the classes (`Predictions.scored`).
            lesions: int (N,).
        """
        return cls(
            predictions.classes,
            predictions.true_indices(),
            predictions.predicted_indices(),
            predictions.probabilities,
            lesions,
        )


def draw_lesions(lesions: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Draw as many lesions as there are, with replacement, many times.

    Args:
        lesions: int (N,), lesion of each image.
        resamples: R.
        seed: Seed of the draws.

    Returns:
        uint16 (R, number of lesions): how often each lesion was drawn.
    """
    number = int(lesions.max()) + 1
    rng = np.random.default_rng(seed)
    draws = np.empty((resamples, number), dtype=np.uint16)
    for start in range(0, resamples, _part(number)):
        part = draws[start : start + _part(number)]
        part[:] = rng.multinomial(number, np.full(number, 1 / number), size=len(part))
    return draws


def measure(
    scored: Scored, rows: np.ndarray, classes: Sequence[int], draws: np.ndarray | None = None
) -> dict[str, np.ndarray]:
    """Metrics of some of the images, in the data as they are or in each resample of the lesions.

    Args:
        scored: All images.
        rows: int (M,), the images to measure.
        classes: Classes that balanced accuracy and AUC are taken over.
        draws: As `draw_lesions` returns them; None: every image counts once.

    Returns:
        Arrays (R,), R = 1 without draws, by the keys of `METRICS`, and "recall" (R, K); NaN where
        undefined, for the balanced accuracy also where one of `classes` has no image.
        "mel_sensitivity" and "mel_specificity" are those of the most probable class against
        melanoma, all other classes being the negatives; "pair_auc" is `pair_auc`;
        "overconfidence" is the mean probability of the predicted class minus the accuracy.
    """
    lesions = scored.lesions[rows]
    if draws is None:
        return _measure(scored, rows, classes, np.ones((1, len(rows))))
    step = _part(len(rows))
    parts = [
        _measure(scored, rows, classes, draws[start : start + step][:, lesions].astype(np.float64))
        for start in range(0, len(draws), step)
    ]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def confusion_metrics(
    confusion: np.ndarray, names: Sequence[str], classes: Sequence[int]
) -> dict[str, np.ndarray]:
    """The metrics that are functions of the confusion matrix.

    Args:
        confusion: (..., K, K), rows true, columns predicted.
        names: K class names.
        classes: Classes the balanced accuracy is taken over.

    Returns:
        `accuracy`, `balanced_accuracy`, and with a class MEL `mel_sensitivity` and
        `mel_specificity`, (...,) each; "recall" (..., K). Undefined = NaN.
    """
    table = per_class_metrics(confusion)
    total = table["support"].sum(axis=-1)
    undefined = np.full(total.shape, np.nan)
    chosen = table["recall"][..., list(classes)]
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = np.where(total > 0, table["tp"].sum(axis=-1) / total, np.nan)
    melanoma = names.index(MELANOMA) if MELANOMA in names else None
    return {
        "balanced_accuracy": chosen.mean(axis=-1) if len(classes) else undefined,
        "accuracy": accuracy,
        "mel_sensitivity": undefined if melanoma is None else table["recall"][..., melanoma],
        "mel_specificity": undefined if melanoma is None else table["specificity"][..., melanoma],
        "recall": table["recall"],
    }


def _measure(
    scored: Scored, rows: np.ndarray, classes: Sequence[int], weights: np.ndarray
) -> dict[str, np.ndarray]:
    """As `measure`, with weights (R, M) of the images."""
    k = len(scored.classes)
    true, probabilities = scored.true[rows], scored.probabilities[rows]
    cells = true * k + scored.predicted[rows]
    ones = csr_array((np.ones(len(rows)), (cells, np.arange(len(rows)))), shape=(k * k, len(rows)))
    confusion = (ones @ weights.T).T.reshape(len(weights), k, k)
    values = confusion_metrics(confusion, scored.classes, classes)
    total = weights.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        confidence = np.where(total > 0, weights @ probabilities.max(axis=1) / total, np.nan)
    return {
        **values,
        "pair_auc": pair_auc(true, probabilities, classes, weights),
        "overconfidence": confidence - values["accuracy"],
    }


def _part(columns: int) -> int:
    return max(1, _CELLS // max(columns, 1))
