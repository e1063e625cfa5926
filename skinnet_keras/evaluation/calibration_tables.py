"""Tables of calibration, decisions by cost and abstention."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skinnet_keras.evaluation.calibration_fit import TEMPERATURES, CalibrationFit
from skinnet_keras.evaluation.decisions import Thresholds
from skinnet_keras.evaluation.tables import INTERVAL_FOOTNOTE, UNDEFINED, Table

_SCORES = {
    "nll": "Negative log-likelihood, nats",
    "brier": "Brier score (0..2)",
    "ece": "ECE, most probable class",
    "class_wise_ece": "ECE, mean over classes",
}
_CHANCE_FOOTNOTE = (
    "ECE: expected calibration error in bins of equal mass; by chance: what exactly right "
    "probabilities would show, so less than that is nothing left to gain."
)
_COST_FOOTNOTES = (
    "Missed melanomas: MEL decided to be anything else. Missed malignant: MEL, BCC or SCC decided "
    "to be none of the three (AK among them). Unnecessary excisions: NV, BKL, DF or VASC decided "
    "to be malignant. AK and UNK count as neither malignant nor benign.",
    "argmax is the model as it is; always X is the cheapest single answer on validation.",
)
_CERTAINTY_FOOTNOTE = (
    "Error rate of the surest images. AURC: mean over all coverages; excess: less that of the best "
    "order of the same errors."
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
        values = (_with_interval(item[key], item["ci"].get(key)) for item in (before, after))
        rows.append((heading, *values, _with_interval(change["change"], change["ci"], "+.4f")))
        if (chance := f"{key}_by_chance") in before:
            rows.append(("  by chance", _number(before[chance]), _number(after[chance]), ""))
    for key, heading in {"accuracy": "Accuracy", "balanced_accuracy": "Balanced accuracy"}.items():
        change = f"{after[key] - before[key]:+.4f}"
        rows.append((heading, _number(before[key]), _number(after[key]), change))
    changed = comparison["decisions_changed"]
    rows.append(("Images with another argmax", "", "", str(changed)))
    return Table(
        title=f"Calibration: {name} (n = {before['n']})",
        headings=("Metric", "Before", "After", "Change"),
        rows=tuple(rows),
        footnotes=(_CHANCE_FOOTNOTE, INTERVAL_FOOTNOTE.partition(";")[0] + "."),
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
                _number(row["frequency"]),
                _number(row["mean_probability"]),
                _number(after[label]["mean_probability"]),
                _number(row["ece"]),
                _number(after[label]["ece"]),
                _number(after[label]["ece_by_chance"]),
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
                _with_interval(row["mean_cost"], row["ci"]),
                _with_interval(row["difference"], row["difference_ci"], "+.4f") if number else "",
                str(row["missed_melanoma"]),
                str(row["missed_malignant"]),
                str(row["unnecessary_excision"]),
                _number(row["balanced_accuracy"]),
            )
            for number, (rule, row) in enumerate(report["rules"].items())
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


def risk_table(report: Mapping[str, Any], name: str) -> Table:
    """Error rate at fixed coverages, and the area under it, of every score.

    Args:
        report: As `abstention_report` returns it.
        name: What was scored, for the title.
    """
    shares = list(next(iter(report["scores"].values()))["risk_at"])
    return Table(
        title=f"Errors where the least certain images are deferred: {name} (n = {report['n']})",
        headings=("Certainty by", *(f"{float(s):.0%}" for s in shares), "AURC", "excess"),
        rows=tuple(
            (
                score.replace("_", " "),
                *(_number(row["risk_at"][share]) for share in shares),
                _number(row["aurc"]),
                _number(row["excess_aurc"]),
            )
            for score, row in report["scores"].items()
        ),
        footnotes=(_CERTAINTY_FOOTNOTE,),
    )


def abstention_table(report: Mapping[str, Any], name: str) -> Table:
    """What the chosen threshold does to every class.

    Args:
        report: As `abstention_report` returns it.
        name: What was scored, for the title.
    """
    chosen = report["chosen"]
    kept = _with_interval(chosen["coverage"], chosen["coverage_ci"])
    risk = _with_interval(chosen["risk"], chosen["risk_ci"])
    wanted = (
        f"a coverage of {chosen['value']:g}"
        if chosen["target"] == "coverage"
        else f"an error rate below {chosen['value']:g} with 95 % confidence"
    )
    notes = [
        f"Threshold of the {chosen['score'].replace('_', ' ')} for {wanted} on validation: "
        + (UNDEFINED + " (none keeps it)" if chosen["threshold"] is None else "")
        + ("" if chosen["threshold"] is None else f"{chosen['threshold']:.4f}")
        + f". Accepted here: {kept}; error rate of those {risk}, of all {_number(report['risk'])}."
    ]
    if chosen["deferred_whole"]:
        names = ", ".join(chosen["deferred_whole"])
        notes.append(f"No image is accepted of {names}: the model never answers for them.")
    return Table(
        title=f"Abstention by class: {name}",
        headings=(
            *("Class", "Images", "Accepted", "Coverage", "Errors among accepted"),
            *("Recall, all", "Recall, accepted"),
        ),
        rows=tuple(
            (
                label,
                str(row["support"]),
                str(row["accepted"]),
                _number(row["coverage"]),
                str(row["errors"]),
                _number(row["recall"]),
                _number(row["recall_accepted"]),
            )
            for label, row in chosen["per_class"].items()
        ),
        footnotes=tuple(notes),
    )


def _number(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.4f}"


def _with_interval(value: float | None, interval: Sequence[float] | None, form: str = ".4f") -> str:
    if value is None:
        return UNDEFINED
    bounds = "" if interval is None else f" ({interval[0]:{form}} .. {interval[1]:{form}})"
    return f"{value:{form}}{bounds}"
