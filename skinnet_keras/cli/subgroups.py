"""`skinnet subgroups`: metrics by sex, age, site, source and the like, and their largest gaps."""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES


def subgroups(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|PREDICTIONS.csv", help="A run, or a predictions file.")
    ],
    data: Annotated[
        Path | None,
        typer.Option(
            help="Catalogue folder of the images; of a run, where its own lies now (default: "
            "where it was)."
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(
            help="Attributes, separated by commas: sex, age, site, source, size, metadata, "
            "skin_type, mask (default: all the catalogue has)."
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which predictions of a run: test or val.")] = "test",
    bootstrap: Annotated[
        int,
        typer.Option(
            min=0,
            help="Resamples of lesions behind the 95 % intervals, and exchanges behind the tests; "
            "0 = neither.",
        ),
    ] = DEFAULT_RESAMPLES,
    seed: Annotated[int, typer.Option(help="Seed of both.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the tables.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for subgroups.json, the tables and the picture.")
    ] = None,
) -> None:
    """Score the subgroups of the images and test their largest gaps.

    Unknown values are a subgroup of their own. Balanced accuracy is compared over classes that
    every compared subgroup has; a figure with too few lesions behind it is not shown, and a
    warning says so.

    Example: skinnet subgroups runs/skinnet_v4 --by sex,age,site --out runs/skinnet_v4/subgroups
    """
    import json

    from rich.console import Console

    from skinnet_keras.evaluation.subgroups.report import subgroup_report
    from skinnet_keras.evaluation.subgroups.tables import subgroup_tables
    from skinnet_keras.reporting.subgroup_input import read_subgroup_input

    asked = [word.strip() for word in by.split(",") if word.strip()] if by is not None else None
    given = read_subgroup_input(source, data, split, asked)
    report = {
        **subgroup_report(given.scored, given.attributes, bootstrap=bootstrap, seed=seed),
        "notes": given.notes,
    }
    tables = subgroup_tables(report)
    if as_json:
        typer.echo(json.dumps(report, allow_nan=False))
    else:
        console = Console()
        for table in tables.values():
            table.print(console)
    warnings = [line for part in report["attributes"].values() for line in part["warnings"]]
    for line in (*given.notes, *warnings):
        typer.echo(f"Warning: {line}", err=True)
    if out is not None:
        from skinnet_keras.evaluation.subgroups.output import write_subgroups
        from skinnet_keras.locks import own_folder

        with own_folder(out):
            written = write_subgroups(out, report, tables, given.name)
        typer.echo(f"Wrote {', '.join(written)} to {out}", err=True)
