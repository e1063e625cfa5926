"""What decision rules cost on a set of images, with intervals and paired differences."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES, resampled_ratios
from skinnet_keras.evaluation.confusion import (
    confusion_matrix,
    headline_metrics,
    mean_of_defined,
)
from skinnet_keras.evaluation.decisions.costs import MALIGNANT, Costs
from skinnet_keras.evaluation.decisions.rules import (
    Thresholds,
    argmax_decisions,
    minimum_cost_decisions,
    outcome_flags,
)
from skinnet_keras.evaluation.intervals import json_interval
from skinnet_keras.evaluation.predictions import Predictions

ARGMAX = "argmax"
THRESHOLDS = "thresholds, calibrated"


def decide_by_rules(
    raw: Predictions,
    calibrated: Predictions,
    costs: Costs,
    thresholds: Thresholds,
    constant: int,
) -> dict[str, np.ndarray]:
    """Decide the same images by every rule.

    Args:
        raw: The model's own probabilities.
        calibrated: The same rows, calibrated.
        costs: Of the classes in their order.
        thresholds: For calibrated probabilities, of the classes in their order.
        constant: Class that is decided for every image, chosen on validation by `best_constant`.

    Returns:
        Rule -> int64 (N,) decided classes; argmax of the raw probabilities first.
    """
    n = len(raw.labels)
    p, q = raw.probabilities, calibrated.probabilities
    return {
        ARGMAX: argmax_decisions(p),
        "argmax, calibrated": argmax_decisions(q),
        "least expected cost, uncalibrated": minimum_cost_decisions(p, costs.matrix),
        "least expected cost, calibrated": minimum_cost_decisions(q, costs.matrix),
        THRESHOLDS: thresholds.decide(q),
        f"always {costs.classes[constant]}": np.full(n, constant),
    }


def decision_report(
    images: Predictions,
    decided: Mapping[str, np.ndarray],
    costs: Costs,
    *,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Score decisions by their costs and outcomes, as one JSON-ready object.

    Args:
        images: Labelled images, one at least.
        decided: Rule -> int (N,) decided classes; the first rule is what others are compared with.
        costs: Of the images' classes in their order.
        bootstrap: Resamples of groups behind the intervals; 0 = none.
        seed: Seed of the bootstrap; one for all rules, so differences are paired.

    Returns:
        `costs` (their name), `unit`, `n`, `melanomas`, `malignant` (images of `costs.MALIGNANT`),
        and `rules`: rule -> `mean_cost` an image with `ci`, `difference` to the first rule with
        `difference_ci`, counts of `decisions.outcome_flags`, `balanced_accuracy` with its `ci`.
    """
    true, classes = images.true_indices(), costs.classes
    image_costs = {rule: costs.matrix[true, chosen] for rule, chosen in decided.items()}
    first = next(iter(image_costs.values()))
    draws = recalls = None
    if bootstrap:
        # One call, so one set of draws for every rule.
        costs_of = np.stack(list(image_costs.values()), axis=1)
        is_class = np.eye(len(classes))[true]
        right = [is_class * (chosen == true)[:, None] for chosen in decided.values()]
        above = np.concatenate([costs_of, *right], axis=1)
        below = np.concatenate([np.ones_like(costs_of), *[is_class] * len(right)], axis=1)
        with np.errstate(invalid="ignore"):  # a resample may lack a class
            ratios = resampled_ratios(above, below, images.groups, resamples=bootstrap, seed=seed)
        draws, recalls = np.split(ratios, [len(decided)], axis=1)
        recalls = recalls.reshape(bootstrap, len(decided), len(classes))
    rules: dict[str, Any] = {}
    for number, (rule, chosen) in enumerate(decided.items()):
        flags = outcome_flags(true, chosen, classes)
        matrix = confusion_matrix(true, chosen, len(classes))
        accuracy, accuracy_ci = headline_metrics(matrix, classes)["balanced_accuracy"], None
        if recalls is not None:
            accuracy_ci = json_interval(mean_of_defined(recalls[:, number]))
        rules[rule] = {
            "mean_cost": float(image_costs[rule].mean()),
            "ci": None if draws is None else json_interval(draws[:, number]),
            "difference": float((image_costs[rule] - first).mean()),
            "difference_ci": None
            if draws is None
            else json_interval(draws[:, number] - draws[:, 0]),
            **{name: int(flag.sum()) for name, flag in flags.items()},
            "balanced_accuracy": float(accuracy),
            "balanced_accuracy_ci": accuracy_ci,
        }
    malignant = np.isin(classes, MALIGNANT)
    return {
        "costs": costs.name,
        "unit": costs.unit,
        "n": len(true),
        "melanomas": images.labels.count("MEL"),
        "malignant": int(malignant[true].sum()),
        "rules": rules,
    }
