"""Metrics that are functions of the confusion matrix, as the paper's tables 2-6 report them.

Every function accepts a stack of matrices, so one definition serves the tables and the bootstrap.
Undefined values are NaN in arrays, None in reports. Where scikit-learn defines a number, ours
equals it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from skinnet_keras.evaluation.agreement import cohen_kappa, matthews_correlation
from skinnet_keras.taxonomy import RARE_4, RARE_5

# The columns of the paper's tables 2-5, in its order.
MEAN_COLUMNS = ("specificity", "recall", "precision", "f1")
WEIGHTED_COLUMNS = ("wrecall", "wprecision", "wf1")


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
        `macro_specificity` and `macro_f1` are means over the classes that define them (the latter
        those that are true or predicted), `kappa` and `mcc` the agreement of truth and prediction.
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
        "balanced_accuracy": mean_of_defined(table["recall"]),
        "accuracy": _ratio(table["tp"].sum(axis=-1), n),
        **weighted,
        "macro_specificity": mean_of_defined(table["specificity"]),
        "macro_f1": mean_of_defined(table["f1"]),
        "kappa": cohen_kappa(confusion),
        "mcc": matthews_correlation(confusion),
    }


def per_class_table(
    confusion: np.ndarray, classes: Sequence[str]
) -> dict[str, dict[str, float | int | None]]:
    """The body of tables 2-5: a row of plain numbers for every class, None = undefined.

    Args:
        confusion: int (K, K), rows true, columns predicted.
        classes: K class names.
    """
    columns = {name: plain(values) for name, values in per_class_metrics(confusion).items()}
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


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """Quotient with NaN where the denominator is 0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)


def mean_of_defined(values: np.ndarray) -> np.ndarray:
    """Mean over the last axis without the NaNs; NaN where all are.

    Args:
        values: float (..., K).

    Returns:
        float (...,).
    """
    return _ratio(np.nansum(values, axis=-1), (~np.isnan(values)).sum(axis=-1))


def plain(values: np.ndarray) -> Any:
    """Python numbers in place of NumPy's, None in place of NaN.

    Args:
        values: Numbers of shape () or (M,).
    """
    listed = np.asarray(values).tolist()
    if isinstance(listed, list):
        return [None if value != value else value for value in listed]
    return None if listed != listed else listed
