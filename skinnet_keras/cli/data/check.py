"""`skinnet data check`."""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.cli.data.output import JSON_HELP, print_classes, print_shortcuts

_SHOWN_PROBLEMS = 20


def check(
    catalogue: Annotated[Path, typer.Argument(metavar="DIR", help="The catalogue's folder.")],
    quick: Annotated[
        bool, typer.Option("--quick", help="Do not decode the images and masks.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Fail on any leak between splits or folds, missing or corrupt file, or foreign label.

    Prints the classes by source and split, and warns where an image's source gives its class
    away. A leak can be seen as far as lesions and patients are known; what is not known is said.
    Exit code 2: there are problems, one sentence each.

    Example: skinnet data check catalogue
    """
    import json

    from skinnet_keras.data.build_report import class_counts
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.data.checks import find_problems
    from skinnet_keras.data.file_checks import check_files
    from skinnet_keras.data.folds import fold_names, fold_notes
    from skinnet_keras.data.identities import unknown_identities, wide_ids
    from skinnet_keras.data.shortcuts import measure_shortcuts
    from skinnet_keras.data.split_notes import scarce_class_notes, unlabelled_notes

    loaded = Catalogue.load(catalogue)
    table = loaded.table
    problems, files = find_problems(loaded), None
    if not quick:
        files = check_files(loaded)
        problems = [*problems, *files.problems]
    sizes = files.sizes if files else None
    report = measure_shortcuts(table, sizes)
    warnings = [
        *wide_ids(table),
        *unlabelled_notes(table),
        *scarce_class_notes(table),
        *(files.masks.sentences() if files else []),
        *fold_notes(table, len(fold_names(table))),
        *(report.warnings() if report else []),
    ]
    not_known = unknown_identities(table)
    if as_json:
        result = {
            "problems": problems,
            "not_known": not_known,
            "warnings": warnings,
            "masks": files.masks.to_dict() if files else None,
            "classes": class_counts(table),
            "classes_by_source": {
                source: class_counts(own) for source, own in table.groupby("source", sort=False)
            },
            "shortcuts": report.to_dict() if report else None,
        }
        typer.echo(json.dumps(result, allow_nan=False))
    else:
        print_classes(table)
        if report:
            print_shortcuts(report)
    for warning in warnings:
        typer.echo(f"Warning: {warning}", err=True)
    for problem in problems[:_SHOWN_PROBLEMS]:
        typer.echo(f"skinnet: {problem}", err=True)
    if len(problems) > _SHOWN_PROBLEMS:
        more = len(problems) - _SHOWN_PROBLEMS
        typer.echo(f"skinnet: {more:,} more problems; --json lists them all.", err=True)
    if problems:
        raise typer.Exit(2)
    corrupt = "missing file (not decoded: --quick)" if quick else "missing or corrupt file"
    leak = "No leak among what is known" if not_known else "No leak"
    known = "".join(f"; {clause}" for clause in not_known)
    typer.echo(f"{leak}, no {corrupt}, no label outside the taxonomy{known}.", err=True)
