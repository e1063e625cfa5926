"""Selective prediction of a model: thresholds from validation, risks and classes on test."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from skinnet_keras.evaluation.abstention.selective import (
    COVERAGES,
    SCORES,
    area_under_risk,
    by_class,
    confidence,
    excess_area_under_risk,
    risk_at,
    selective_risks,
    threshold_for_coverage,
    threshold_for_risk,
)
from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES, resampled_ratios
from skinnet_keras.evaluation.intervals import json_interval
from skinnet_keras.evaluation.predictions import Predictions


@dataclass(frozen=True)
class Abstention:
    """When to leave an image to a human: where its score is below a threshold.

    Attributes:
        score: One of `abstention.SCORES`.
        threshold: Images from here on are accepted; None = no image is.
        target: `coverage` or `risk`, what the threshold was chosen for.
        value: The target's value, 0..1.

    Raises:
        ValueError: Unknown score, or a threshold that is no finite number.
    """

    score: str
    threshold: float | None
    target: str
    value: float

    def __post_init__(self) -> None:
        if self.score not in SCORES:
            raise ValueError(f"its score is {self.score!r}, not one of {', '.join(SCORES)}")
        if self.threshold is not None and not math.isfinite(self.threshold):
            raise ValueError("its threshold must be finite")

    def accepts(self, probabilities: np.ndarray) -> np.ndarray:
        """Whether the decision on each row of (N, K) stands: bool (N,)."""
        if self.threshold is None:
            return np.zeros(len(probabilities), dtype=bool)
        return confidence(probabilities, self.score) >= self.threshold

    @classmethod
    def from_json(cls, data: Any) -> Abstention:
        """The abstention that `dataclasses.asdict` described.

        Raises:
            ValueError: A key is missing, or a value cannot be right.
        """
        try:
            threshold = None if data["threshold"] is None else float(data["threshold"])
            return cls(data["score"], threshold, str(data["target"]), float(data["value"]))
        except (KeyError, TypeError) as error:
            raise ValueError("its abstention lacks a score, threshold, target or value") from error


def choose_abstention(
    validation: Predictions,
    *,
    coverage: float | None = None,
    risk: float | None = None,
    score: str = "max_probability",
) -> Abstention:
    """Choose the threshold on validation images, for a target coverage or a bound of the risk.

    Args:
        validation: Labelled images, one at least.
        coverage: Share of images to accept, above 0 to 1; or
        risk: Error rate that accepted images are to stay below, 0..1, with 95 % confidence.
        score: One of `abstention.SCORES`.

    Raises:
        ValueError: Neither target, or both.
    """
    if (coverage is None) == (risk is None):
        raise ValueError("give either a coverage or a risk")
    certainty = confidence(validation.probabilities, score)
    if coverage is not None:
        threshold = threshold_for_coverage(certainty, coverage)
        return Abstention(score, threshold, "coverage", coverage)
    assert risk is not None  # noqa: S101
    wrong = validation.predicted_indices() != validation.true_indices()
    return Abstention(score, threshold_for_risk(certainty, wrong, risk), "risk", risk)


def abstention_report(
    images: Predictions,
    abstention: Abstention,
    *,
    coverages: Sequence[float] = COVERAGES,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Risks at all coverages, and what the chosen threshold does, as one JSON-ready object.

    Args:
        images: Labelled images, one at least.
        abstention: Chosen on other images.
        coverages: Shares of accepted images to list the risk at.
        bootstrap: Resamples of groups behind the intervals; 0 = none.
        seed: Seed of the bootstrap.

    Returns:
        `n`; `risk`, error rate of all; `scores`: score -> `aurc`, `excess_aurc` and `risk_at`
        ({coverage: error rate}); `chosen`: score, threshold, target, `coverage` and `risk` of the
        accepted images with `coverage_ci` and `risk_ci`, `per_class` (`abstention.by_class`) and
        `deferred_whole`, classes that have images but no accepted one. Undefined = None.
    """
    true, decided = images.true_indices(), images.predicted_indices()
    wrong = (decided != true).astype(float)
    scores = {}
    for name in SCORES:
        certainty = confidence(images.probabilities, name)
        risks = selective_risks(certainty, wrong)
        scores[name] = {
            "aurc": area_under_risk(certainty, wrong),
            "excess_aurc": excess_area_under_risk(certainty, wrong),
            "risk_at": {f"{share:g}": risk_at(risks, share) for share in coverages},
        }
    accepted = abstention.accepts(images.probabilities)
    per_class = by_class(true, decided, accepted, images.classes)
    coverage_ci = risk_ci = None
    if bootstrap:
        columns = np.stack([accepted, accepted * wrong], axis=1)
        below = np.stack([np.ones(len(true)), accepted], axis=1)
        # No image may be accepted in a resample: its risk is undefined and left out.
        with np.errstate(invalid="ignore"):
            draws = resampled_ratios(columns, below, images.groups, resamples=bootstrap, seed=seed)
        coverage_ci, risk_ci = (json_interval(values) for values in draws.T)
    return {
        "n": len(true),
        "risk": float(wrong.mean()),
        "scores": scores,
        "chosen": {
            "score": abstention.score,
            "threshold": abstention.threshold,
            "target": abstention.target,
            "value": abstention.value,
            "coverage": float(accepted.mean()),
            "coverage_ci": coverage_ci,
            "risk": float(wrong[accepted].mean()) if accepted.any() else None,
            "risk_ci": risk_ci,
            "per_class": per_class,
            "deferred_whole": [
                name for name, row in per_class.items() if row["support"] and not row["accepted"]
            ],
        },
    }
