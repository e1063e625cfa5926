"""`skinnet data check`."""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.cli.data.output import JSON_HELP, print_classes


def check(
    catalogue: Annotated[Path, typer.Argument(metavar="DIR", help="The catalogue's folder.")],
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Fail on any leak between splits, missing file or label outside the taxonomy.

    Example: skinnet data check catalogue
    """
    import json

    from skinnet_keras.data.build_report import class_counts
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.data.checks import find_problems

    loaded = Catalogue.load(catalogue)
    problems = find_problems(loaded)
    if as_json:
        result = {"problems": problems, "classes": class_counts(loaded.table)}
        typer.echo(json.dumps(result))
    else:
        print_classes(loaded.table)
    for problem in problems:
        typer.echo(f"skinnet: {problem}", err=True)
    if problems:
        raise typer.Exit(2)
    typer.echo("No leak, no missing file, no label outside the taxonomy.", err=True)
