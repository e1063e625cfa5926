"""How well a score tells images of known classes from others (out-of-distribution detection)."""

from __future__ import annotations

import math

import numpy as np

from skinnet_keras.evaluation.ranking import binary_auc

_ROUNDING = 1e-9


def detection_auroc(inside: np.ndarray, outside: np.ndarray) -> float:
    """How often an image of a known class scores higher than another one, ties counting half.

    Hendrycks and Gimpel, ICLR 2017, arXiv:1610.02136.

    Args:
        inside: float (N,), scores of images of known classes; higher = more likely known.
        outside: float (M,), scores of other images.

    Returns:
        0..1; NaN where either is empty.
    """
    is_inside = np.arange(len(inside) + len(outside)) < len(inside)
    return binary_auc(is_inside, np.concatenate([inside, outside]))


def false_positive_rate(inside: np.ndarray, outside: np.ndarray, *, recall: float = 0.95) -> float:
    """Share of other images that pass where `recall` of the known ones do: FPR at 95 % TPR.

    Liang et al., ICLR 2018, arXiv:1706.02690. The threshold is the highest score that lets at
    least `recall` of the known images pass, itself included.

    Args:
        inside: float (N,), scores of images of known classes; higher = more likely known.
        outside: float (M,), scores of other images.
        recall: Above 0, to 1.

    Returns:
        0..1, lower is better; NaN where either is empty.
    """
    if not len(inside) or not len(outside):
        return float("nan")
    passing = math.ceil(recall * len(inside) - _ROUNDING)
    threshold = np.sort(inside)[len(inside) - passing]
    return float((outside >= threshold).mean())
