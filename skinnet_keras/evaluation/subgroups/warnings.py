"""Plain sentences on what the subgroups are too small to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skinnet_keras.evaluation.subgroups.comparison import MIN_CLASS_LESIONS, MIN_LESIONS
from skinnet_keras.evaluation.subgroups.metrics import MELANOMA


def attribute_warnings(name: str, report: Mapping[str, Any]) -> list[str]:
    """Say which subgroups of an attribute have too few lesions, and for what.

    Args:
        name: The attribute.
        report: `classes` and `subgroups`, as in `report.subgroup_report`.
    """
    rows, classes = report["subgroups"], report["classes"]
    sentences = []
    if len(rows) == 1:
        sentences.append(f"{name}: all images are of one subgroup, {rows[0]['name']}.")
    small = [row for row in rows if row["lesions"] < MIN_LESIONS]
    if small:
        named = _listed(small, lambda row: row["lesions"])
        sentences.append(
            f"{name}: fewer than {MIN_LESIONS} lesions, so no accuracy or calibration is shown: "
            f"{named}."
        )
    if len(rows) > 1 and not classes:
        sentences.append(
            f"{name}: no two subgroups share two classes with {MIN_CLASS_LESIONS} lesions each, so "
            "balanced accuracy and AUC are not compared."
        )
    left_out = [row for row in rows if classes and not row["compared"]]
    if left_out:
        named = _listed(left_out, lambda row: _missing(row, classes))
        sentences.append(
            f"{name}: fewer than {MIN_CLASS_LESIONS} lesions of a class that balanced accuracy and "
            f"AUC are compared over ({', '.join(classes)}): {named}."
        )
    few_melanomas = [
        row for row in rows if row["lesions_by_class"].get(MELANOMA, 0) < MIN_CLASS_LESIONS
    ]
    if few_melanomas:
        named = _listed(few_melanomas, lambda row: row["lesions_by_class"].get(MELANOMA, 0))
        sentences.append(
            f"{name}: fewer than {MIN_CLASS_LESIONS} melanomas, so no sensitivity is shown: "
            f"{named}."
        )
    return sentences


def _listed(rows: Sequence[Mapping[str, Any]], count: Any) -> str:
    return ", ".join(f"{row['name']} ({count(row)})" for row in rows)


def _missing(row: Mapping[str, Any], classes: Sequence[str]) -> str:
    counts = row["lesions_by_class"]
    return ", ".join(f"{k} {counts[k]}" for k in classes if counts[k] < MIN_CLASS_LESIONS)
