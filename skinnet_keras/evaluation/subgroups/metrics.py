"""Metrics of a part of the images, for many weightings of the images at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from skinnet_keras.evaluation.bootstrap import group_counts, part_size
from skinnet_keras.evaluation.confusion import per_class_metrics
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.evaluation.subgroups.pair_auc import PairAreas, pair_auc

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
    """Draw as many lesions as there are, with replacement, many times (`bootstrap.group_counts`).

    Args:
        lesions: int (N,), lesion of each image.
        resamples: R, at least 1.
        seed: Seed of the draws.

    Returns:
        uint16 (R, number of lesions): how often each lesion was drawn.
    """
    number = int(lesions.max()) + 1
    step = part_size(number)
    parts = group_counts(number, resamples=resamples, seed=seed, step=step)
    return np.concatenate([counts.T.astype(np.uint16) for counts in parts])


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
        Arrays (R,), R = 1 without draws, by the keys of `METRICS`, "recall" (R, K) and "areas"
        (R, K, K), the `PairAreas` of `classes`; NaN where undefined, for the balanced accuracy also
        where one of `classes` has no image. "mel_sensitivity" and "mel_specificity" are those of
        the most probable class against melanoma, all other classes being the negatives;
        "pair_auc" is `pair_auc`; "overconfidence" is the mean probability of the predicted class
        minus the accuracy.
    """
    lesions, numbers = np.unique(scored.lesions[rows], return_inverse=True)
    weigh = _Weigher(scored, rows, classes, numbers)
    if draws is None:
        return weigh(np.ones((len(lesions), 1)))
    step = part_size(2 * len(lesions))
    parts = [
        weigh(np.ascontiguousarray(draws[start : start + step, lesions].T, dtype=np.float64))
        for start in range(0, len(draws), step)
    ]
    return {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def over_classes(values: Mapping[str, np.ndarray], classes: Sequence[int]) -> dict[str, np.ndarray]:
    """The same measurement with balanced accuracy and AUC taken over other classes.

    Args:
        values: As `measure` returns them for these classes or more.
        classes: Their numbers.
    """
    return {
        **values,
        "balanced_accuracy": _balanced_accuracy(values["recall"], classes),
        "pair_auc": pair_auc(values["areas"], classes),
    }


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
    with np.errstate(divide="ignore", invalid="ignore"):
        accuracy = np.where(total > 0, table["tp"].sum(axis=-1) / total, np.nan)
    melanoma = names.index(MELANOMA) if MELANOMA in names else None
    return {
        "balanced_accuracy": _balanced_accuracy(table["recall"], classes),
        "accuracy": accuracy,
        "mel_sensitivity": undefined if melanoma is None else table["recall"][..., melanoma],
        "mel_specificity": undefined if melanoma is None else table["specificity"][..., melanoma],
        "recall": table["recall"],
    }


def _balanced_accuracy(recalls: np.ndarray, classes: Sequence[int]) -> np.ndarray:
    if not len(classes):
        return np.full(recalls.shape[:-1], np.nan)
    return recalls[..., list(classes)].mean(axis=-1)


class _Weigher:
    """Metrics of M images as a function of how often each of their G lesions counts."""

    def __init__(
        self, scored: Scored, rows: np.ndarray, classes: Sequence[int], lesions: np.ndarray
    ) -> None:
        self._scored, self._classes = scored, classes
        true, probabilities = scored.true[rows], scored.probabilities[rows]
        k = len(scored.classes)
        cells = true * k + scored.predicted[rows]
        shape = (k * k, int(lesions.max(initial=-1)) + 1)
        self._cells = csr_array((np.ones(len(rows)), (cells, lesions)), shape=shape)
        self._images = np.bincount(lesions).astype(np.float64)
        self._confidence = np.bincount(lesions, weights=probabilities.max(axis=1))
        self._areas = PairAreas(true, probabilities, classes, lesions)

    def __call__(self, weights: np.ndarray) -> dict[str, np.ndarray]:
        """As `measure`, with weights float (G, R)."""
        k = len(self._scored.classes)
        confusion = (self._cells @ weights).T.reshape(-1, k, k)
        values = confusion_metrics(confusion, self._scored.classes, self._classes)
        total, areas = self._images @ weights, self._areas(weights)
        with np.errstate(divide="ignore", invalid="ignore"):
            confidence = np.where(total > 0, self._confidence @ weights / total, np.nan)
        return {
            **values,
            "areas": areas,
            "pair_auc": pair_auc(areas, self._classes),
            "overconfidence": confidence - values["accuracy"],
        }
