"""Tables of a paired comparison: signed differences, and McNemar's test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from skinnet_keras.evaluation.paired import ERRORS
from skinnet_keras.evaluation.significance import FEW_DISCORDANT
from skinnet_keras.evaluation.table import UNDEFINED, Table
from skinnet_keras.evaluation.tables import COMPARISON_HEADINGS, format_cell

MEASURE_HEADINGS = {
    "errors_all": "All: errors",
    "errors_rare_5": COMPARISON_HEADINGS["errors_rare_5"],
    "errors_rare_4": COMPARISON_HEADINGS["errors_rare_4"],
    "balanced_accuracy": COMPARISON_HEADINGS["balanced_accuracy"],
    "macro_auc": "Macro AUC",
}

_HOLM = "Holm: adjusted for {count} comparison(s) with {first}."
_SIGN_FLIP = (
    "p: exact permutation test of the errors that exchanges the runs on whole groups (lesions)."
)
_MCNEMAR = (
    "McNemar's test, two-sided: exact binomial below {few} discordant images, mid-p from there on "
    "(Fagerland et al. 2013). It takes images as independent, which those of one lesion are not: "
    "where the p over groups differs, that one counts."
)


def paired_differences(
    compared: Mapping[str, Mapping[str, Any]], first: str, *, bootstrap: int
) -> Table:
    """A row a run and measure: both values, signed difference, interval, tests.

    Args:
        compared: As `compare_paired` returns it.
        first: Name of the run they are compared with.
        bootstrap: Resamples behind the intervals; 0 = none.
    """
    rows = []
    for name, found in compared.items():
        for measure, values in found["differences"].items():
            better = values["better"]
            rows.append(
                (
                    name,
                    MEASURE_HEADINGS[measure],
                    format_cell(measure, values["first"]),
                    format_cell(measure, values["this"]),
                    _signed(measure, values["difference"]),
                    _interval(measure, values["ci"]),
                    UNDEFINED if better is None else f"{100 * better:.1f}",
                    *((_p(values["p"]), _p(values["p_holm"])) if measure in ERRORS else ("", "")),
                )
            )
    sizes = next(iter(compared.values()))
    notes = [f"Difference: value less that of {first}, on the same {sizes['n']} images."]
    if bootstrap:
        notes.append(
            f"Interval and better: percentiles, and share of improvements, of {bootstrap} paired "
            f"bootstrap resamples of {sizes['groups']} groups (lesions, or images where no group "
            "is given)."
        )
    notes += [_SIGN_FLIP, _HOLM.format(count=len(compared), first=first)]
    return Table(
        title=f"Differences to {first}",
        headings=(
            *("Model", "Measure", f"Value of {first}", "Its value", "Difference", "95 % interval"),
            *("Better, %", "p", "p (Holm)"),
        ),
        rows=tuple(rows),
        footnotes=tuple(notes),
    )


def mcnemar_table(compared: Mapping[str, Mapping[str, Any]], first: str) -> Table:
    """A row a run: discordant images and McNemar's test.

    Args:
        compared: As `compare_paired` returns it.
        first: Name of the run they are compared with.
    """
    rows = []
    for name, found in compared.items():
        test = found["mcnemar"]
        counts = (str(test[key]) for key in ("only_first_right", "only_this_right"))
        rows.append((name, *counts, test["test"], _p(test["p"]), _p(test["p_holm"])))
    return Table(
        title=f"McNemar's test against {first}",
        headings=("Model", f"Only {first} right", "Only it right", "Test", "p", "p (Holm)"),
        rows=tuple(rows),
        footnotes=(
            _MCNEMAR.format(few=FEW_DISCORDANT),
            _HOLM.format(count=len(compared), first=first),
        ),
    )


def _signed(measure: str, value: float | None) -> str:
    if value is None:
        return UNDEFINED
    return f"{'-' if value < 0 else '+'}{format_cell(measure, abs(value))}"


def _interval(measure: str, interval: list[float] | None) -> str:
    return UNDEFINED if interval is None else " to ".join(_signed(measure, v) for v in interval)


def _p(value: float) -> str:
    return "<0.0001" if value < 1e-4 else f"{value:.4f}"
