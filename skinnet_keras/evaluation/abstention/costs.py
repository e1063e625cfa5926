"""What remains of the costs where the decisions with the highest expected cost are deferred."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from skinnet_keras.evaluation.abstention.selective import COVERAGES, threshold_for_coverage
from skinnet_keras.evaluation.decisions.costs import MALIGNANT, Costs
from skinnet_keras.evaluation.decisions.rules import outcome_flags


def costs_by_coverage(
    probabilities: np.ndarray,
    true: np.ndarray,
    decided: np.ndarray,
    costs: Costs,
    *,
    coverages: Sequence[float] = COVERAGES,
) -> list[dict[str, float | int]]:
    """Costs and missed cancers among the accepted images, at several coverages.

    An image's certainty is the negative expected cost of its decision, the score that fits a rule
    that minimises costs. Deferring counts as free: the human's time and errors are not in it.

    Args:
        probabilities: float (N, K), calibrated; N > 0.
        true: int (N,) indices of the true classes.
        decided: int (N,) indices of the decided classes.
        costs: Of the K classes, in their order.
        coverages: Shares of images to accept; images as certain as the last of them are too.

    Returns:
        A row a coverage: `coverage` asked for, `accepted` images, their `mean_cost`, how many of
        them are a `melanoma` or `malignant`, and how many of these are missed
        (`decisions.outcome_flags`).
    """
    certainty = -(probabilities @ costs.matrix)[np.arange(len(true)), decided]
    flags = outcome_flags(true, decided, costs.classes)
    melanoma, malignant = (np.isin(costs.classes, chosen)[true] for chosen in (("MEL",), MALIGNANT))
    rows: list[dict[str, float | int]] = []
    for coverage in coverages:
        accepted = certainty >= threshold_for_coverage(certainty, coverage)
        rows.append(
            {
                "coverage": coverage,
                "accepted": int(accepted.sum()),
                "mean_cost": float(costs.matrix[true, decided][accepted].mean()),
                "melanoma": int((melanoma & accepted).sum()),
                "missed_melanoma": int((flags["missed_melanoma"] & accepted).sum()),
                "malignant": int((malignant & accepted).sum()),
                "missed_malignant": int((flags["missed_malignant"] & accepted).sum()),
            }
        )
    return rows
