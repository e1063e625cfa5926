"""`skinnet compare`: several runs side by side, as in the paper's table 6."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="RUN|PREDICTIONS.csv...", help="Runs or predictions files."),
    ],
    split: Annotated[
        str, typer.Option(help="Which predictions of the runs: test or val.")
    ] = "test",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option(help="Folder for comparison.csv and tables.md.")
    ] = None,
) -> None:
    """Compare runs on the same images: errors on all and on rare classes, weighted metrics.

    The first run is what the others are compared with: their rows are followed by the signed
    difference in percent.

    Example: skinnet compare runs/skinnet_v1 runs/skinnet_v2 runs/skinnet_v3 runs/skinnet_v4
    """
    import json

    from rich.console import Console

    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.metrics import evaluate_predictions
    from skinnet_keras.evaluation.predictions import (
        count_differing,
        predictions_path,
        read_predictions,
        unique_names,
    )
    from skinnet_keras.evaluation.report import write_tables
    from skinnet_keras.evaluation.tables import comparison, comparison_changes

    files = [predictions_path(source, split) for source in sources]
    scored = {}
    for name, file in zip(unique_names(sources), files, strict=True):
        scored[name] = read_predictions(file).scored()
        if not scored[name].labels:
            raise UserError(f"{file} holds no labelled row: there is nothing to score.")
    first, *others = scored
    differing = {name: count_differing(scored[first], scored[name]) for name in others}
    for name, count in differing.items():
        if count:
            images = "1 image is" if count == 1 else f"{count} images are"
            typer.echo(
                f"Warning: {first} and {name} were not scored on the same images: {images} "
                "in one of them only or labelled otherwise. Their numbers do not compare.",
                err=True,
            )
    # No intervals here: those of paired differences, not of single runs, would answer the question.
    reports = {name: evaluate_predictions(rows, bootstrap=0) for name, rows in scored.items()}
    table = comparison(reports)
    if as_json:
        changes = comparison_changes(reports)
        typer.echo(
            json.dumps({"runs": reports, "changes_percent": changes, "differing_images": differing})
        )
    else:
        table.print(Console())
    if out is not None:
        written = write_tables(out, {"comparison": table})
        typer.echo(f"Wrote {', '.join(written)} to {out}", err=True)
