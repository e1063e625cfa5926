"""The subgroup report as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from skinnet_keras.evaluation.subgroups.attributes import HEADINGS
from skinnet_keras.evaluation.subgroups.metrics import METRICS
from skinnet_keras.evaluation.table import UNDEFINED, Table, with_interval

SUBGROUP_FOOTNOTES = (
    "95 % intervals: bootstrap over lesions (groups of the catalogue); of a rate of 0 or 1 the "
    "exact binomial one. - = too few lesions or undefined.",
    "Image size: longer side of the original. Metadata: age, sex and site.",
    "Balanced accuracy and AUC: over the classes named in the title, which every compared subgroup "
    "has. AUC, pairs: mean over pairs of classes (Hand and Till), free of the mix of classes.",
    "Accuracy and MEL specificity depend on the mix of classes. MEL: most probable class against "
    "the others. Overconfidence: mean probability of the predicted class minus accuracy.",
)
GAP_FOOTNOTES = (
    "Largest gap: between the best and the worst of the subgroups that show the figure; as the "
    "largest of several it is biased upwards. By chance: its mean when lesions of the same classes "
    "exchange their subgroups.",
    "Interval: 95 %, for all pairs of subgroups at once, over lesions. p: share of exchanges with "
    "as large a gap; Holm: adjusted for all rows of this table.",
)


def subgroup_tables(report: Mapping[str, Any]) -> dict[str, Table]:
    """A table an attribute, one of the lesions by class, and one of the largest gaps.

    Args:
        report: As `report.subgroup_report` returns it.

    Returns:
        File name without suffix -> table.
    """
    attributes = report["attributes"]
    tables = {f"subgroups_{name}": _metrics(name, part) for name, part in attributes.items()}
    last, table = tables.popitem()
    tables[last] = replace(table, footnotes=SUBGROUP_FOOTNOTES)
    tables["subgroup_lesions"] = _lesions(report)
    tables["subgroup_gaps"] = _gaps(attributes)
    return tables


def _metrics(name: str, part: Mapping[str, Any]) -> Table:
    over = ", ".join(part["classes"]) or "nothing in common"
    return Table(
        title=f"{HEADINGS[name]} (compared over {over})",
        headings=(HEADINGS[name], "Images", "Lesions", *METRICS.values()),
        rows=tuple(
            (
                row["name"],
                str(row["images"]),
                str(row["lesions"]),
                *(with_interval(row["metrics"][key], row["ci"][key], ".3f") for key in METRICS),
            )
            for row in (*part["subgroups"], part["all"])
        ),
        last_is_total=True,
    )


def _lesions(report: Mapping[str, Any]) -> Table:
    classes = report["classes"]
    return Table(
        title="Lesions of each class by subgroup (images in brackets where there are more)",
        headings=("Subgroup", *classes),
        rows=tuple(
            (
                f"{HEADINGS[name]}: {row['name']}",
                *(
                    _count(row["lesions_by_class"][label], row["images_by_class"][label])
                    for label in classes
                ),
            )
            for name, part in report["attributes"].items()
            for row in part["subgroups"]
        ),
    )


def _count(lesions: int, images: int) -> str:
    return str(lesions) if images == lesions else f"{lesions} ({images})"


def _gaps(attributes: Mapping[str, Any]) -> Table:
    rows = []
    for name, part in attributes.items():
        for metric, gap in part["gaps"].items():
            if gap is None:
                continue
            rows.append(
                (
                    f"{HEADINGS[name]}: {METRICS[metric]}",
                    gap["high"],
                    gap["low"],
                    with_interval(gap["difference"], gap["ci"], ".3f"),
                    *(
                        UNDEFINED if gap[key] is None else f"{gap[key]:.{digits}f}"
                        for key, digits in (("by_chance", 3), ("p_value", 4), ("p_holm", 4))
                    ),
                )
            )
    return Table(
        title="Largest gaps between subgroups",
        headings=("Attribute", "Highest", "Lowest", "Largest gap", "By chance", "p", "p, Holm"),
        rows=tuple(rows),
        footnotes=GAP_FOOTNOTES,
    )
