"""Tables of calibration and of decisions by cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.calibration.fit import TEMPERATURES, CalibrationFit
from skinnet_keras.evaluation.decisions.rules import Thresholds
from skinnet_keras.evaluation.table import Table, number, with_interval

_SCORES = {
    "nll": "Negative log-likelihood, nats",
    "brier": "Brier score (0..2)",
    "ece": "ECE, most probable class",
    "class_wise_ece": "ECE, mean over classes",
}
_CHANCE_FOOTNOTE = (
    "ECE: expected calibration error in bins of equal mass; by chance: what exactly right "
    "probabilities would show on average (and at most in 39 of 40 cases): below that, nothing is "
    "proved wrong."
)
_INTERVAL_FOOTNOTE = (
    "Intervals: 95 %, bootstrap over groups (lesions), or images where no group is given; those of "
    "ECE take the bias of resampling off and reach 0 where chance explains all of it."
)
_ARGMAX_FOOTNOTE = (
    "Calibrated probabilities know how rare a class is, so their argmax decides for rare classes "
    "less often than that of a model trained with balanced classes: decide by costs instead."
)
_COST_FOOTNOTES = (
    "Missed melanomas: MEL decided to be anything else. Missed malignant: MEL, BCC or SCC decided "
    "to be none of the three (AK among them). Unnecessary excisions: NV, BKL, DF or VASC decided "
    "to be malignant. AK and UNK count as neither malignant nor benign.",
    "argmax is the model as it is; always X is the cheapest single answer on validation.",
)


def fitted_table(fit: CalibrationFit) -> Table:
    """The calibration, and what spoke for it."""
    calibration = fit.calibration
    how = {
        "identity": "none: nothing to gain",
        "temperature": f"temperature {calibration.temperature or 1.0:.4f}",
        "vector": f"vector, penalty {fit.penalty or 0.0:g}",
    }[calibration.kind]
    notes = ["Calibrated p = softmax(scale * log p + bias), fitted on validation predictions."]
    if calibration.temperature in TEMPERATURES:
        notes.append("The temperature is at the end of its range: validation hardly limits it.")
    if fit.held_out_nll:
        losses = ", ".join(f"{name} {value:.4f}" for name, value in fit.held_out_nll.items())
        notes.append(f"Negative log-likelihood of left-out validation images: {losses}.")
    return Table(
        title=f"Fitted calibration: {how}",
        headings=("", *calibration.classes),
        rows=(
            ("scale", *(f"{value:.3f}" for value in calibration.scale)),
            ("bias", *(f"{value:.3f}" for value in calibration.bias)),
        ),
        footnotes=tuple(notes),
    )


def calibration_table(comparison: Mapping[str, Any], name: str) -> Table:
    """Likelihood, Brier score and calibration errors before and after.

    Args:
        comparison: As `calibration_comparison` returns it.
        name: What was scored, for the title.
    """
    before, after = comparison["before"], comparison["after"]
    rows = []
    for key, heading in _SCORES.items():
        change = comparison["changes"][key]
        values = (with_interval(item[key], item["ci"].get(key)) for item in (before, after))
        rows.append((heading, *values, with_interval(change["change"], change["ci"], "+.4f")))
        if f"{key}_by_chance" in before:
            rows.append(("  by chance", *(_chance(item, key) for item in (before, after)), ""))
    for key, heading in {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy"}.items():
        change = f"{after[key] - before[key]:+.4f}"
        rows.append((heading, number(before[key]), number(after[key]), change))
    changed = comparison["decisions_changed"]
    notes = (_CHANCE_FOOTNOTE, _INTERVAL_FOOTNOTE)
    rows.append(("Images with another argmax", "", "", str(changed)))
    return Table(
        title=f"Calibration: {name} (n = {before['n']})",
        headings=("Metric", "Before", "After", "Change"),
        rows=tuple(rows),
        footnotes=(*notes, _ARGMAX_FOOTNOTE) if changed else notes,
    )


def class_calibration_table(comparison: Mapping[str, Any], name: str) -> Table:
    """Mean probability of each class beside its frequency, and its calibration error.

    Args:
        comparison: As `calibration_comparison` returns it.
        name: What was scored, for the title.
    """
    before, after = comparison["before"]["per_class"], comparison["after"]["per_class"]
    return Table(
        title=f"Calibration by class: {name}",
        headings=(
            *("Class", "Images", "Frequency", "Mean p before", "Mean p after"),
            *("ECE before", "ECE after", "by chance"),
        ),
        rows=tuple(
            (
                label,
                str(row["support"]),
                number(row["frequency"]),
                number(row["mean_probability"]),
                number(after[label]["mean_probability"]),
                number(row["ece"]),
                number(after[label]["ece"]),
                number(after[label]["ece_by_chance"]),
            )
            for label, row in before.items()
        ),
    )


def costs_table(report: Mapping[str, Any], name: str) -> Table:
    """What each decision rule costs, and whom.

    Args:
        report: As `decision_report` returns it.
        name: What was scored, for the title.
    """
    return Table(
        title=f"Decisions by cost, {report['costs']}: {name} (n = {report['n']})",
        headings=(
            *("Rule", "Mean cost per image", "Difference to argmax"),
            f"Missed melanomas (of {report['melanomas']})",
            f"Missed malignant (of {report['malignant']})",
            *("Unnecessary excisions", "Balanced accuracy"),
        ),
        rows=tuple(
            (
                rule,
                with_interval(row["mean_cost"], row["ci"]),
                with_interval(row["difference"], row["difference_ci"], "+.4f") if position else "",
                str(row["missed_melanoma"]),
                str(row["missed_malignant"]),
                str(row["unnecessary_excision"]),
                number(row["balanced_accuracy"]),
            )
            for position, (rule, row) in enumerate(report["rules"].items())
        ),
        footnotes=(f"A cost of 1 is {report['unit']}.", *_COST_FOOTNOTES),
    )


def thresholds_table(thresholds: Thresholds) -> Table:
    """The thresholds of the classes."""
    return Table(
        title="Thresholds: the class with the most p / threshold is decided",
        headings=("", *thresholds.classes),
        rows=(("threshold", *(f"{value:.3g}" for value in thresholds.values)),),
    )


def _chance(report: Mapping[str, Any], key: str) -> str:
    return f"{report[f'{key}_by_chance']:.4f} (at most {report[f'{key}_chance_limit']:.4f})"
