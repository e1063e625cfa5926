"""Selective prediction: how the risk falls when the least certain images are left to a human.

Geifman and El-Yaniv, "Selective classification for deep neural networks", NeurIPS 2017,
arXiv:1705.08500; "Bias-reduced uncertainty estimation for deep neural classifiers", ICLR 2019,
arXiv:1805.08206.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import betaincinv

SCORES = ("max_probability", "margin", "entropy")
COVERAGES = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)

_ROUNDING = 1e-9


def confidence(probabilities: np.ndarray, score: str) -> np.ndarray:
    """How certain a model is of each image; higher is surer.

    The energy score (Liu et al. 2020, arXiv:2010.03759) is not among them: it is the log-sum-exp
    of the logits, which probabilities have lost (that of log p is 0 always).

    Args:
        probabilities: float (N, K).
        score: `max_probability`; `margin`, the largest less the second largest probability; or
            `entropy`, the negative entropy in nats.

    Returns:
        float64 (N,).

    Raises:
        ValueError: Unknown score.
    """
    if score == "max_probability":
        return probabilities.max(axis=1).astype(np.float64)
    if score == "margin":
        ordered = np.sort(probabilities, axis=1)
        return ordered[:, -1] - ordered[:, -2]
    if score == "entropy":
        logs = np.log(np.where(probabilities > 0, probabilities, 1.0))
        return (probabilities * logs).sum(axis=1)
    raise ValueError(f"score {score!r}: choose one of {', '.join(SCORES)}")


def selective_risks(certainty: np.ndarray, losses: np.ndarray) -> np.ndarray:
    """Risk of the surest 1, 2, ... N images: the risk-coverage curve.

    Images of equal certainty have no order: each counts with the mean loss of its equals, which is
    what any order of them gives on average.

    Args:
        certainty: float (N,), higher = accepted earlier; N > 0.
        losses: float (N,), such as 0 for right and 1 for wrong, or a cost.

    Returns:
        float64 (N,), mean loss of the accepted images, by their number.
    """
    _, equals, count = np.unique(-certainty, return_inverse=True, return_counts=True)
    shared = np.bincount(equals, weights=losses) / count
    return np.cumsum(np.repeat(shared, count)) / np.arange(1, len(losses) + 1)


def area_under_risk(certainty: np.ndarray, losses: np.ndarray) -> float:
    """AURC: mean risk over the coverages 1/N, 2/N, ... 1; without any order it is the risk."""
    return float(selective_risks(certainty, losses).mean())


def excess_area_under_risk(certainty: np.ndarray, losses: np.ndarray) -> float:
    """E-AURC: AURC less that of the best order of these losses; 0 is best.

    The best order is computed from the losses, where the paper approximates it.
    """
    return area_under_risk(certainty, losses) - area_under_risk(-losses, losses)


def risk_at(risks: np.ndarray, coverage: float) -> float:
    """Risk where at least this share of the images is accepted.

    Args:
        risks: As `selective_risks` returns them.
        coverage: Above 0, to 1.
    """
    return float(risks[math.ceil(coverage * len(risks) - _ROUNDING) - 1])


def threshold_for_coverage(certainty: np.ndarray, coverage: float) -> float:
    """The highest threshold that accepts at least a share of these images.

    An image is accepted from the threshold on, the threshold included.

    Args:
        certainty: float (N,) of validation images, N > 0.
        coverage: Above 0, to 1.
    """
    accepted = math.ceil(coverage * len(certainty) - _ROUNDING)
    return float(np.sort(certainty)[len(certainty) - accepted])


def threshold_for_risk(
    certainty: np.ndarray, wrong: np.ndarray, risk: float, *, doubt: float = 0.05
) -> float | None:
    """A threshold whose risk on new images is below a bound, but for a stated doubt.

    Selection with guaranteed risk (Geifman and El-Yaniv 2017, algorithm 1): binary search over
    the thresholds; at each the exact binomial bound of the risk of the accepted images, the doubt
    divided among the steps. It takes images for independent: with several of a lesion the
    guarantee is weaker than it says.

    Args:
        certainty: float (N,) of validation images, N > 0.
        wrong: bool (N,), whether the decision was wrong.
        risk: Highest error rate of accepted images, 0..1.
        doubt: Probability that the bound does not hold.

    Returns:
        The lowest threshold found that keeps the bound, or None where none does.
    """
    # Thresholds are certainties of images, so equals are accepted or left together.
    values, where = np.unique(certainty, return_inverse=True)
    accepted = np.cumsum(np.bincount(where)[::-1])[::-1]
    errors = np.cumsum(np.bincount(where, weights=wrong)[::-1])[::-1]
    steps = max(1, math.ceil(math.log2(len(values) + 1)))
    found, low, high = None, 0, len(values) - 1
    while low <= high:
        middle = (low + high) // 2
        bound = upper_bound(int(errors[middle]), int(accepted[middle]), doubt / steps)
        if bound <= risk:
            found, high = float(values[middle]), middle - 1
        else:
            low = middle + 1
    return found


def upper_bound(errors: int, n: int, doubt: float) -> float:
    """Clopper-Pearson: the error rate that is exceeded with at most this probability."""
    return 1.0 if errors >= n else float(betaincinv(errors + 1, n - errors, 1.0 - doubt))


def by_class(
    true: np.ndarray, decided: np.ndarray, accepted: np.ndarray, classes: Sequence[str]
) -> dict[str, dict[str, float | int | None]]:
    """What abstaining does to every class.

    Args:
        true: int (N,) indices of the true classes.
        decided: int (N,) indices of the decided classes.
        accepted: bool (N,), whether the decision stands; the others go to a human.
        classes: K class names.

    Returns:
        Class -> `support`, `accepted`, `coverage` (their share), `errors` among the accepted,
        `recall` of all and `recall_accepted`; None = undefined.
    """
    table: dict[str, dict[str, float | int | None]] = {}
    for k, name in enumerate(classes):
        own, right = true == k, decided == true
        support, kept = int(own.sum()), int((own & accepted).sum())
        hits = int((own & accepted & right).sum())
        table[name] = {
            "support": support,
            "accepted": kept,
            "coverage": kept / support if support else None,
            "errors": kept - hits,
            "recall": int((own & right).sum()) / support if support else None,
            "recall_accepted": hits / kept if kept else None,
        }
    return table
