"""Agreement of predictions with the truth beyond chance: Cohen's kappa and Matthews' correlation.

Both are functions of the confusion matrix and accept a stack of them.
"""

from __future__ import annotations

import numpy as np


def cohen_kappa(confusion: np.ndarray) -> np.ndarray:
    """Cohen's kappa, unweighted: agreement beyond that of independent raters with these margins.

    Cohen, Educational and Psychological Measurement 20 (1960), doi:10.1177/001316446002000104.

    Args:
        confusion: int (..., K, K), rows true, columns predicted.

    Returns:
        float (...,), at most 1; NaN where truth and prediction are one and the same class
        throughout, or there is no image.
    """
    counts, n, true, predicted = _margins(confusion)
    wrong = n - np.trace(counts, axis1=-2, axis2=-1)
    expected_wrong = n**2 - (true * predicted).sum(axis=-1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(expected_wrong > 0, 1.0 - n * wrong / expected_wrong, np.nan)


def matthews_correlation(confusion: np.ndarray) -> np.ndarray:
    """Matthews' correlation coefficient of several classes (Gorodkin's R_K).

    Gorodkin, Computational Biology and Chemistry 28 (2004), doi:10.1016/j.compbiolchem.2004.09.006.

    Args:
        confusion: int (..., K, K), rows true, columns predicted.

    Returns:
        float (...,), -1..1; 0 where the truth or the prediction is one class throughout, as in
        scikit-learn (the formula is 0 / 0 there); NaN where there is no image.
    """
    counts, n, true, predicted = _margins(confusion)
    right = np.trace(counts, axis1=-2, axis2=-1)
    covariance = n * right - (true * predicted).sum(axis=-1)
    spread = (n**2 - (true**2).sum(axis=-1)) * (n**2 - (predicted**2).sum(axis=-1))
    with np.errstate(divide="ignore", invalid="ignore"):
        correlation = np.where(spread > 0, covariance / np.sqrt(spread), 0.0)
    return np.where(n > 0, correlation, np.nan)


def _margins(confusion: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Counts, their sum, and images by true and by predicted class.

    As floats: products of four counts outgrow int64.
    """
    counts = np.asarray(confusion, dtype=np.float64)
    true, predicted = counts.sum(axis=-1), counts.sum(axis=-2)
    return counts, true.sum(axis=-1), true, predicted
