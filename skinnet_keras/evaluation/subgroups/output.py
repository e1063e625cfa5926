"""Write a subgroup report to a folder."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from skinnet_keras.atomic import atomic_file
from skinnet_keras.evaluation.report import write_tables
from skinnet_keras.evaluation.subgroups.plot import plot_subgroups
from skinnet_keras.evaluation.table import Table


def write_subgroups(
    folder: Path, report: Mapping[str, Any], tables: Mapping[str, Table], name: str
) -> list[str]:
    """Write `subgroups.json`, `.txt` and `.png`, each table as CSV, and `tables.md`.

    Args:
        folder: Created if absent; files of the same names are replaced.
        report: As `report.subgroup_report` returns it.
        tables: As `tables.subgroup_tables` returns them.
        name: What was scored, for the title of the picture.

    Returns:
        Names of the files written.

    Raises:
        UserError: `folder` is a file.
    """
    written = write_tables(folder, tables)
    text = io.StringIO()
    console = Console(file=text)
    for table in tables.values():
        table.print(console)
    warnings = [line for part in report["attributes"].values() for line in part["warnings"]]
    texts = {
        "subgroups.json": json.dumps(report, indent=2) + "\n",
        "subgroups.txt": text.getvalue() + "".join(f"{line}\n" for line in warnings),
    }
    for file, content in texts.items():
        with atomic_file(folder / file) as temporary:
            temporary.write_text(content, encoding="utf-8")
    plot_subgroups(report, folder / "subgroups.png", title=name)
    return [*texts, "subgroups.png", *written]
