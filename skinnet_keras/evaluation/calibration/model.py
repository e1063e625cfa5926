"""What validation predictions teach about a model's probabilities, and how it holds on others."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from skinnet_keras.evaluation.abstention.costs import costs_by_coverage
from skinnet_keras.evaluation.abstention.report import (
    Abstention,
    abstention_report,
    choose_abstention,
)
from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES
from skinnet_keras.evaluation.calibration.fit import CalibrationFit, fit_calibration
from skinnet_keras.evaluation.calibration.metrics import DEFAULT_BINS
from skinnet_keras.evaluation.calibration.report import calibration_comparison
from skinnet_keras.evaluation.decisions.costs import Costs
from skinnet_keras.evaluation.decisions.report import THRESHOLDS, decide_by_rules, decision_report
from skinnet_keras.evaluation.decisions.rules import best_constant
from skinnet_keras.evaluation.decisions.thresholds import ThresholdFit, fit_thresholds
from skinnet_keras.evaluation.predictions import Predictions


@dataclass(frozen=True)
class CalibratedModel:
    """What was fitted on validation predictions.

    Attributes:
        fit: The calibration.
        costs: Of the classes in their order.
        thresholds: For calibrated probabilities and these costs.
        abstention: On the probabilities as the model gives them.
        constant: Index of the class that is the cheapest single answer.
    """

    fit: CalibrationFit
    costs: Costs
    thresholds: ThresholdFit
    abstention: Abstention
    constant: int


def calibrate_model(
    validation: Predictions,
    costs: Costs,
    *,
    method: str = "auto",
    coverage: float | None = None,
    risk: float | None = None,
) -> CalibratedModel:
    """Fit a calibration, thresholds for decisions on its probabilities, and one for abstaining.

    Abstaining goes by the model's own most probable class: vector scaling may change it, and
    what it is changed to depends on how common the classes are.

    Args:
        validation: Labelled images, one at least.
        costs: Of all their classes.
        method: One of `calibration.fit.METHODS`.
        coverage: Target of abstention, as for `choose_abstention`; or
        risk: the other one.

    Raises:
        UserError: A class has no costs.
    """
    costs = costs.for_classes(validation.classes)
    true = validation.true_indices()
    fit = fit_calibration(
        validation.probabilities, true, validation.classes, validation.groups, method=method
    )
    calibrated = fit.calibration.apply_to(validation)
    return CalibratedModel(
        fit=fit,
        costs=costs,
        thresholds=fit_thresholds(calibrated.probabilities, true, costs, calibrated.groups),
        abstention=choose_abstention(validation, coverage=coverage, risk=risk),
        constant=best_constant(true, costs.matrix),
    )


def score_model(
    model: CalibratedModel,
    images: Predictions,
    *,
    num_bins: int = DEFAULT_BINS,
    bootstrap: int = DEFAULT_RESAMPLES,
    seed: int = 0,
) -> dict[str, Any]:
    """Score a calibrated model on images.

    Args:
        model: From `calibrate_model`.
        images: Labelled images of the same classes in the same order.
        num_bins: Bins of the calibration errors.
        bootstrap: Resamples of groups behind the intervals; 0 = none.
        seed: Seed of the bootstrap.

    Returns:
        `calibration` (`calibration_comparison`), `decisions` (`decision_report`), `abstention`
        (`abstention_report`) and `costs_by_coverage` of the thresholds' decisions.
    """
    options: dict[str, Any] = {"bootstrap": bootstrap, "seed": seed}
    calibrated = model.fit.calibration.apply_to(images)
    decided = decide_by_rules(
        images, calibrated, model.costs, model.thresholds.thresholds, model.constant
    )
    return {
        "calibration": calibration_comparison(images, calibrated, num_bins=num_bins, **options),
        "decisions": decision_report(images, decided, model.costs, **options),
        "abstention": abstention_report(images, model.abstention, **options),
        "costs_by_coverage": costs_by_coverage(
            calibrated.probabilities, images.true_indices(), decided[THRESHOLDS], model.costs
        ),
    }


def describe_model(model: CalibratedModel) -> dict[str, Any]:
    """What was fitted, as plain data: `calibration`, `decisions` and `abstention`."""
    thresholds = model.thresholds
    return {
        "calibration": {
            **model.fit.calibration.to_json(),
            "penalty": model.fit.penalty,
            "held_out_nll": model.fit.held_out_nll,
        },
        "decisions": {
            "rule": "argmax of calibrated p / threshold",
            "thresholds": thresholds.thresholds.to_json(),
            "penalty": thresholds.penalty,
            "held_out_cost": thresholds.held_out_cost,
            "costs": model.costs.to_json(),
        },
        "abstention": asdict(model.abstention),
    }
