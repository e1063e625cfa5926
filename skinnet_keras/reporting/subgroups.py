"""The section on subgroups of the images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skinnet_keras.evaluation.subgroups.plot import plot_subgroups
from skinnet_keras.evaluation.subgroups.tables import subgroup_tables
from skinnet_keras.reporting.blocks import Block, Notes, Paragraph, Section, TableBlock
from skinnet_keras.reporting.drawings import figure_block


def subgroup_section(whole: Mapping[str, Any], notes: Sequence[str]) -> Section:
    """Metrics by sex, age, site, source and the like.

    Args:
        whole: As `evaluation.subgroups.report.subgroup_report` returns it.
        notes: Sentences on what could not be had.
    """
    divided = {k: part for k, part in whole["attributes"].items() if len(part["subgroups"]) > 1}
    report = {**whole, "attributes": divided}
    if not divided:
        nothing = Paragraph("The images fall into no subgroups that the catalogue knows of.")
        return Section("subgroups", "Subgroups", [nothing])
    tables = subgroup_tables(report)
    gaps = tables.pop("subgroup_gaps")
    warnings = [
        *notes,
        *(w for part in report["attributes"].values() for w in part["warnings"]),
    ]
    blocks: list[Block] = [
        Paragraph(
            "Unknown values are a subgroup of their own. Balanced accuracy is compared over the "
            "classes that every compared subgroup has; what has too few lesions is not shown."
        ),
        figure_block(
            lambda path: plot_subgroups(report, path),
            "Metrics of every subgroup with their intervals; the tables below hold the numbers",
            wide=True,
        ),
        *([TableBlock(gaps)] if gaps.rows else []),
        *([Notes(warnings)] if warnings else []),
        *(TableBlock(table, folded=True) for table in tables.values()),
    ]
    return Section("subgroups", "Subgroups", blocks)
