"""Fill the folder of an ensemble, and say what is in it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import typer

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.ensembles.ensemble import fit_ensemble
from skinnet_keras.evaluation.ensembles.folds import (
    pooled_reports,
    write_fold_collection,
    write_fold_ensemble,
)
from skinnet_keras.evaluation.ensembles.members import Member, common_splits, read_splits
from skinnet_keras.evaluation.ensembles.report import (
    ensemble_name,
    member_reports,
    members_table,
    write_collection,
    write_ensemble,
)
from skinnet_keras.evaluation.table import Table
from skinnet_keras.evaluation.tables import comparison, comparison_changes

Output = tuple[dict[str, Any], dict[str, Table]]
"""What `--json` prints, and the tables by file name."""


def check_catalogue(members: Sequence[Member], data: Path) -> None:
    """Refuse members that are runs, or cross-validations, of another catalogue than this one.

    Raises:
        UserError: One is, or there is no catalogue.
    """
    from skinnet_keras.runs.files import is_run
    from skinnet_keras.runs.run import Run  # brings scikit-learn

    sha256 = Catalogue.load(data).sha256()
    for member in members:
        folders = (member.directory, *sorted(member.directory.glob("fold_*")))
        for directory in filter(is_run, folders):
            if Run.open(directory, data=data).catalogue_sha256() != sha256:
                raise UserError(f"{directory} was trained on another catalogue than {data}.")


def combine_runs(
    folder: Path, members: Sequence[Member], methods: Sequence[str], settings: Mapping[str, Any]
) -> Output:
    """Combine runs; with several methods each gets a subfolder.

    Args:
        folder: Folder of the ensemble.
        members: The runs.
        methods: Names of the methods.
        settings: `metric` and `rounds` of greedy selection.
    """
    splits = read_splits(members, common_splits(members, methods=methods))
    if "val" not in splits:
        typer.echo("Not every run has a predictions_val.csv: test images alone.", err=True)
    ensembles = {
        name: fit_ensemble(name, len(members), splits.get("val"), **settings) for name in methods
    }
    reports = member_reports(members, splits)
    tables = {"members": members_table(members, splits, ensembles)}
    for name, fitted in ensembles.items():
        place = folder / name if len(methods) > 1 else folder
        shown = settings if name == "greedy" else {}
        reports[ensemble_name(name)] = write_ensemble(place, fitted, members, splits, shown)
    if len(methods) > 1:
        write_collection(folder, methods, members, splits)
    compared_on = next((s for s in ("test", "val") if s in reports[members[0].name]), None)
    changes = {}
    if compared_on:
        compared = {name: of_splits[compared_on] for name, of_splits in reports.items()}
        changes = comparison_changes(compared)
        tables["comparison"] = _titled(comparison(compared), f"{compared_on} images")
    summary = {
        "weights": {
            name: dict(zip((m.name for m in members), fitted.weights.tolist(), strict=True))
            for name, fitted in ensembles.items()
        },
        "runs": reports,
        "compared_on": compared_on,
        "changes_percent": changes,
    }
    return summary, tables


def combine_folds(
    folder: Path,
    folds: Sequence[Sequence[Member]],
    methods: Sequence[str],
    settings: Mapping[str, Any],
) -> Output:
    """Combine cross-validations fold by fold; arguments as `combine_runs`, with members by fold."""
    splits = [read_splits(own, common_splits(own, methods=methods)) for own in folds]
    reports = pooled_reports(folds, splits)
    for name in methods:
        place = folder / name if len(methods) > 1 else folder
        reports[ensemble_name(name)] = write_fold_ensemble(place, name, folds, splits, settings)
    if len(methods) > 1:
        write_fold_collection(folder, methods, folds, splits)
    summary = {
        "folds": len(folds),
        "runs": {name: {"test": report} for name, report in reports.items()},
        "compared_on": "test",
        "changes_percent": comparison_changes(reports),
    }
    table = _titled(comparison(reports), f"held-out images of {len(folds)} folds")
    return summary, {"comparison": table}


def _titled(table: Table, images: str) -> Table:
    return replace(table, title=f"{table.title}, {images}")
