"""Tables of selective prediction: errors, costs and classes where decisions are deferred."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skinnet_keras.evaluation.table import UNDEFINED, Table, number, with_interval

_CERTAINTY_FOOTNOTE = (
    "Error rate of the surest images. AURC: mean over all coverages; excess: less that of the best "
    "order of the same errors."
)


def risk_table(report: Mapping[str, Any], name: str) -> Table:
    """Error rate at fixed coverages, and the area under it, of every score.

    Args:
        report: As `abstention_report` returns it.
        name: What was scored, for the title.
    """
    shares = list(next(iter(report["scores"].values()))["risk_at"])
    return Table(
        title=f"Errors of argmax, the least certain deferred: {name} (n = {report['n']})",
        headings=("Certainty by", *(f"{float(s):.0%}" for s in shares), "AURC", "excess"),
        rows=tuple(
            (
                score.replace("_", " "),
                *(number(row["risk_at"][share]) for share in shares),
                number(row["aurc"]),
                number(row["excess_aurc"]),
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
    kept = with_interval(chosen["coverage"], chosen["coverage_ci"])
    risk = with_interval(chosen["risk"], chosen["risk_ci"])
    wanted = (
        f"a coverage of {chosen['value']:g}"
        if chosen["target"] == "coverage"
        else f"an error rate below {chosen['value']:g} with 95 % confidence"
    )
    notes = [
        f"Threshold of the {chosen['score'].replace('_', ' ')} for {wanted} on validation: "
        + (UNDEFINED + " (none keeps it)" if chosen["threshold"] is None else "")
        + ("" if chosen["threshold"] is None else f"{chosen['threshold']:.4f}")
        + f". Accepted here: {kept}; error rate of those {risk}, of all {number(report['risk'])}."
    ]
    if chosen["deferred_whole"]:
        names = ", ".join(chosen["deferred_whole"])
        notes.append(f"No image is accepted of {names}: the model never answers for them.")
    return Table(
        title=f"Abstention by class, argmax: {name}",
        headings=(
            *("Class", "Images", "Accepted", "Coverage", "Errors among accepted"),
            *("Recall, all", "Recall, accepted"),
        ),
        rows=tuple(
            (
                label,
                str(row["support"]),
                str(row["accepted"]),
                number(row["coverage"]),
                str(row["errors"]),
                number(row["recall"]),
                number(row["recall_accepted"]),
            )
            for label, row in chosen["per_class"].items()
        ),
        footnotes=tuple(notes),
    )


def costs_by_coverage_table(rows: Sequence[Mapping[str, Any]], name: str) -> Table:
    """What remains of costs and missed cancers where decisions are deferred.

    Args:
        rows: As `costs_by_coverage` returns them.
        name: What was scored, for the title.
    """
    return Table(
        title=f"Thresholds, decisions of the highest expected cost deferred: {name}",
        headings=(
            *("Coverage", "Accepted", "Mean cost", "Melanomas accepted", "of them missed"),
            *("Malignant accepted", "of them missed"),
        ),
        rows=tuple(
            (
                f"{row['coverage']:.0%}",
                str(row["accepted"]),
                number(row["mean_cost"]),
                *(str(row[key]) for key in ("melanoma", "missed_melanoma")),
                *(str(row[key]) for key in ("malignant", "missed_malignant")),
            )
            for row in rows
        ),
        footnotes=("Deferring counts as free: the human's time and errors are not in it.",),
    )
