"""Classification metrics as the paper reports them (tables 2-6), from stored predictions.

Everything but the AUC is a function of the confusion matrix and accepts a stack of them, so one
definition serves the tables and the bootstrap. Undefined values are NaN in arrays, None in
reports. Where scikit-learn defines a number, ours equals it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import bootstrap_confusions, percentile_interval
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.taxonomy import RARE_4, RARE_5

# The columns of the paper's tables 2-5, in its order.
MEAN_COLUMNS = ("specificity", "recall", "precision", "f1")
WEIGHTED_COLUMNS = ("wrecall", "wprecision", "wf1")
DEFAULT_RESAMPLES = 2000


def confusion_matrix(true: np.ndarray, predicted: np.ndarray, num_classes: int) -> np.ndarray:
    """Count images by true and predicted class.

    Args:
        true: int (N,) indices of the true classes.
        predicted: int (N,) indices of the predicted classes.
        num_classes: K.

    Returns:
        int64 (K, K), rows true, columns predicted.
    """
    cells = np.asarray(true) * num_classes + np.asarray(predicted)
    counts = np.bincount(cells.astype(np.int64), minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def per_class_metrics(confusion: np.ndarray) -> dict[str, np.ndarray]:
    """One-against-rest counts and metrics of every class.

    Args:
        confusion: int (..., K, K), rows true, columns predicted.

    Returns:
        Arrays (..., K) named tp, fp, fn, tn, support, then the paper's columns: specificity
        TN/(TN+FP), recall TP/(TP+FN), precision TP/(TP+FP), f1 2TP/(2TP+FP+FN), and wrecall,
        wprecision, wf1 = the metric times the class's share of the images. NaN where a
        denominator is 0.
    """
    tp = np.diagonal(confusion, axis1=-2, axis2=-1)
    support = confusion.sum(axis=-1)
    fn = support - tp
    fp = confusion.sum(axis=-2) - tp
    n = support.sum(axis=-1, keepdims=True)
    tn = n - tp - fp - fn
    recall, precision = _ratio(tp, support), _ratio(tp, tp + fp)
    f1 = _ratio(2 * tp, 2 * tp + fp + fn)
    share = _ratio(support, n)
    return {
        "tp": tp,
        "fp": fp,
        "fn": fn,
        "tn": tn,
        "support": support,
        "specificity": _ratio(tn, tn + fp),
        "recall": recall,
        "precision": precision,
        "f1": f1,
        "wrecall": share * recall,
        "wprecision": share * precision,
        "wf1": share * f1,
    }


def errors_with(confusion: np.ndarray, chosen: Iterable[int]) -> np.ndarray:
    """Misclassified images whose true or predicted class is one of `chosen`, each counted once.

    Args:
        confusion: int (..., K, K).
        chosen: Indices of classes.

    Returns:
        int (...,).
    """
    k = confusion.shape[-1]
    is_chosen = np.isin(np.arange(k), list(chosen))
    cells = (is_chosen[:, None] | is_chosen[None, :]) & ~np.eye(k, dtype=bool)
    return (confusion * cells).sum(axis=(-2, -1))


def fp_fn(confusion: np.ndarray, chosen: Iterable[int]) -> np.ndarray:
    """Sum of FP_c + FN_c over the chosen classes.

    An image of one chosen class taken for another counts twice: as the FN of the first and the FP
    of the second.

    Args:
        confusion: int (..., K, K).
        chosen: Indices of classes.

    Returns:
        int (...,).
    """
    counts = per_class_metrics(confusion)
    return (counts["fp"] + counts["fn"])[..., list(chosen)].sum(axis=-1)


def headline_metrics(confusion: np.ndarray, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """The numbers of table 6 and their kin, from confusion matrices.

    Rare errors come in two readings, of the five classes as the text defines them and of the four
    without BKL, each as a union (`errors_rare_*`) and as a sum (`fp_fn_rare_*`), because the
    printed counts of table 6 leave open which is meant.

    Args:
        confusion: int (..., K, K), rows true, columns predicted.
        classes: K class names.

    Returns:
        Arrays (...,). The weighted averages count a class that was never predicted as precision
        0, as scikit-learn does; `balanced_accuracy` is the mean recall of the classes present;
        `macro_specificity` the mean over the classes that define it.
    """
    rare_5 = [k for k, name in enumerate(classes) if name in RARE_5]
    rare_4 = [k for k, name in enumerate(classes) if name in RARE_4]
    table = per_class_metrics(confusion)
    n = table["support"].sum(axis=-1)
    weighted = {
        name: np.where(n > 0, np.nansum(table[name], axis=-1), np.nan) for name in WEIGHTED_COLUMNS
    }
    return {
        "errors_all": table["fn"].sum(axis=-1),
        "errors_rare_5": errors_with(confusion, rare_5),
        "errors_rare_4": errors_with(confusion, rare_4),
        "fp_fn_rare_5": fp_fn(confusion, rare_5),
        "fp_fn_rare_4": fp_fn(confusion, rare_4),
        "balanced_accuracy": _mean_of_defined(table["recall"]),
        "accuracy": _ratio(table["tp"].sum(axis=-1), n),
        **weighted,
        "macro_specificity": _mean_of_defined(table["specificity"]),
    }


def binary_auc(is_class: np.ndarray, score: np.ndarray) -> float:
    """Area under the ROC curve: how often a positive outscores a negative, ties counting half.

    Args:
        is_class: bool (N,).
        score: float (N,), higher = more likely positive.

    Returns:
        0..1; NaN where all rows are positive or all negative.
    """
    positives = int(np.sum(is_class))
    negatives = len(is_class) - positives
    if not positives or not negatives:
        return float("nan")
    _, order, counts = np.unique(score, return_inverse=True, return_counts=True)
    # Mid-ranks (ties share the mean of their ranks), then the Mann-Whitney statistic.
    ranks = (np.cumsum(counts) - (counts - 1) / 2.0)[order]
    rank_sum = ranks[np.asarray(is_class, dtype=bool)].sum()
    return float((rank_sum - positives * (positives + 1) / 2.0) / (positives * negatives))


def per_class_table(
    confusion: np.ndarray, classes: Sequence[str]
) -> dict[str, dict[str, float | int | None]]:
    """The body of tables 2-5: a row of plain numbers for every class, None = undefined.

    Args:
        confusion: int (K, K), rows true, columns predicted.
        classes: K class names.
    """
    columns = {name: _plain(values) for name, values in per_class_metrics(confusion).items()}
    order = ("support", *MEAN_COLUMNS, *WEIGHTED_COLUMNS, "tp", "fp", "fn", "tn")
    return {
        label: {column: columns[column][k] for column in order} for k, label in enumerate(classes)
    }


def total_row(table: dict[str, dict[str, Any]]) -> dict[str, float | None]:
    """The Total row of tables 2-5: mean of the first four columns, SUM of the weighted ones.

    Undefined cells are left out of both.

    Args:
        table: As `per_class_table` or the `per_class` of a report gives it.
    """
    row: dict[str, float | None] = {}
    for column in (*MEAN_COLUMNS, *WEIGHTED_COLUMNS):
        cells = [values[column] for values in table.values() if values[column] is not None]
        total = sum(cells)
        row[column] = (total / len(cells) if column in MEAN_COLUMNS else total) if cells else None
    return row


def evaluate_predictions(
    predictions: Predictions, *, bootstrap: int = DEFAULT_RESAMPLES, seed: int = 0
) -> dict[str, Any]:
    """Everything the tables print, as one JSON-ready object.

    Args:
        predictions: The images to score; unlabelled rows, and UNK rows where the model has no
            such class, are left out.
        bootstrap: Resamples of groups behind `ci`; 0 = no intervals.
        seed: Seed of the bootstrap.

    Returns:
        `n`, the headline numbers, `macro_auc` (one against rest, mean over the classes that have
        both positives and negatives), `per_class` and `ci`: 95 % percentile intervals of the
        headline numbers. `macro_auc` has none: it is not a function of the confusion matrix, and
        re-ranking every resample would take seconds where the others take milliseconds.
        Undefined = None.
    """
    scored = predictions.scored()
    classes = scored.classes
    true, predicted = scored.true_indices(), scored.predicted_indices()
    confusion = confusion_matrix(true, predicted, len(classes))
    headline = headline_metrics(confusion, classes)
    auc = np.array([binary_auc(true == k, scored.probabilities[:, k]) for k in range(len(classes))])
    per_class = per_class_table(confusion, classes)
    for label, value in zip(classes, _plain(auc), strict=True):
        per_class[label]["auc"] = value

    intervals: dict[str, list[float] | None] = {}
    if bootstrap and len(true):
        resampled = bootstrap_confusions(
            true, predicted, len(classes), scored.groups, resamples=bootstrap, seed=seed
        )
        for name, values in headline_metrics(resampled, classes).items():
            interval = percentile_interval(values)
            intervals[name] = None if interval is None else list(interval)
    return {
        "n": len(true),
        **{name: _plain(value) for name, value in headline.items()},
        "macro_auc": _plain(_mean_of_defined(auc)),
        "per_class": per_class,
        "ci": intervals,
    }


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient with NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def _mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without the NaNs; NaN where all are."""
    return _ratio(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1))


def _plain(values: np.ndarray) -> Any:
    """Python numbers in place of NumPy's, None in place of NaN."""
    listed = np.asarray(values).tolist()
    if isinstance(listed, list):
        return [None if value != value else value for value in listed]
    return None if listed != listed else listed
