"""The section on subgroups of the images."""

from __future__ import annotations

from skinnet_keras.evaluation.subgroups.plot import plot_subgroups
from skinnet_keras.evaluation.subgroups.report import subgroup_report
from skinnet_keras.evaluation.subgroups.tables import subgroup_tables
from skinnet_keras.reporting.blocks import Block, Notes, Paragraph, Section, TableBlock
from skinnet_keras.reporting.drawings import figure_block
from skinnet_keras.reporting.subgroup_input import SubgroupInput


def subgroup_section(given: SubgroupInput, *, bootstrap: int, seed: int) -> Section:
    """Metrics by sex, age, site, source and the like.

    Args:
        given: Predictions and their divisions.
        bootstrap: Resamples behind the intervals, and exchanges behind the tests.
        seed: Of both.
    """
    attributes = [each for each in given.attributes if len(each.subgroups) > 1]
    if not attributes:
        nothing = Paragraph("The images fall into no subgroups that the catalogue knows of.")
        return Section("subgroups", "Subgroups", [nothing])
    report = subgroup_report(given.scored, attributes, bootstrap=bootstrap, seed=seed)
    tables = subgroup_tables(report)
    gaps = tables.pop("subgroup_gaps")
    warnings = [
        *given.notes,
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
