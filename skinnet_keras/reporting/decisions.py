"""The sections on probabilities: are they right, what follows from them, when to abstain."""

from __future__ import annotations

from skinnet_keras.evaluation.abstention import tables as abstention_tables
from skinnet_keras.evaluation.abstention.plot import plot_risk_coverage
from skinnet_keras.evaluation.calibration import tables as calibration_tables
from skinnet_keras.evaluation.calibration.model import calibrate_model, score_model
from skinnet_keras.evaluation.calibration.plot import plot_reliability
from skinnet_keras.evaluation.decisions.costs import Costs
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.reporting.blocks import Block, Paragraph, Section, TableBlock
from skinnet_keras.reporting.drawings import figure_block

_COVERAGE = 0.8


def decision_sections(
    validation: Predictions,
    scored: Predictions,
    costs: Costs,
    name: str,
    *,
    bootstrap: int,
    seed: int,
) -> list[Section]:
    """Calibration, decisions by cost and abstention, fitted on validation and scored on test.

    Args:
        validation: Labelled predictions of the validation split.
        scored: Those of the test split.
        costs: Of mistakes.
        name: Of the run.
        bootstrap: Resamples behind the intervals.
        seed: Of the bootstrap.

    Raises:
        UserError: A class has no costs.
    """
    model = calibrate_model(validation, costs, coverage=_COVERAGE)
    report = score_model(model, scored, bootstrap=bootstrap, seed=seed)
    calibration, variants = model.fit.calibration, {"before": scored}
    if calibration.kind != "identity":
        variants["after"] = calibration.apply_to(scored)
    calibrated: list[Block] = [
        Paragraph(
            "Fitted on the validation split. Calibrated probabilities are to be weighed against "
            "costs: their largest one decides for rare classes less often than the model does."
        ),
        figure_block(
            lambda path: plot_reliability(variants, path),
            "Reliability: observed frequency over predicted probability, before and after",
            wide=True,
        ),
        TableBlock(calibration_tables.calibration_table(report["calibration"], name)),
        TableBlock(calibration_tables.fitted_table(model.fit), folded=True),
        TableBlock(
            calibration_tables.class_calibration_table(report["calibration"], name), folded=True
        ),
    ]
    decided: list[Block] = [
        Paragraph(
            "Costs are a choice, not a result: set your own with a clinician.", tone="warning"
        ),
        TableBlock(calibration_tables.costs_table(report["decisions"], name)),
        TableBlock(calibration_tables.thresholds_table(model.thresholds.thresholds), folded=True),
    ]
    abstained: list[Block] = [
        figure_block(
            lambda path: plot_risk_coverage(scored, path),
            "Error rate among the images decided, over the share that is decided",
            wide=True,
        ),
        TableBlock(abstention_tables.risk_table(report["abstention"], name)),
        TableBlock(abstention_tables.abstention_table(report["abstention"], name)),
        TableBlock(
            abstention_tables.costs_by_coverage_table(report["costs_by_coverage"], name),
            folded=True,
        ),
    ]
    return [
        Section("calibration", "Calibration", calibrated),
        Section("decisions", "Decisions by cost", decided),
        Section("abstention", "Abstention", abstained),
    ]
