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
        bool, typer.Option("--json", help="Print one JSON object instead of the tables.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for comparison.json and the tables (CSV, Markdown, LaTeX)."),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = 10000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Compare runs on the same images: errors on all and on rare classes, weighted metrics.

    The first run is what the others are compared with: their rows are followed by the signed
    difference in percent. Then, for runs scored on the first one's images: differences with
    intervals from paired resamples of lesions, permutation tests over lesions and McNemar's test,
    adjusted by Holm's method where there are several runs.

    Example: skinnet compare runs/skinnet_v1 runs/skinnet_v2 runs/skinnet_v3 runs/skinnet_v4
    """
    import json

    from rich.console import Console

    from skinnet_keras.atomic import write_json
    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.metrics import evaluate_predictions
    from skinnet_keras.evaluation.paired import compare_paired
    from skinnet_keras.evaluation.paired_tables import mcnemar_table, paired_differences
    from skinnet_keras.evaluation.predictions import (
        count_differing,
        predictions_path,
        read_predictions,
        unique_names,
    )
    from skinnet_keras.evaluation.report import write_tables
    from skinnet_keras.evaluation.tables import comparison, comparison_changes
    from skinnet_keras.locks import own_folder

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
                "in one of them only or labelled otherwise. Their numbers do not compare, so no "
                "paired difference is given.",
                err=True,
            )
    # No intervals of single runs: those of their differences answer the question.
    reports = {name: evaluate_predictions(rows, bootstrap=0) for name, rows in scored.items()}
    same = {name: rows for name, rows in scored.items() if not differing.get(name)}
    paired = compare_paired(same, bootstrap=bootstrap, seed=seed)
    shown = {"comparison": comparison(reports)}
    if paired:
        shown["paired_differences"] = paired_differences(paired, first, bootstrap=bootstrap)
        shown["mcnemar"] = mcnemar_table(paired, first)
    result = {
        "runs": reports,
        "changes_percent": comparison_changes(reports),
        "differing_images": differing,
        "paired": {name: paired.get(name) for name in others},
    }
    if as_json:
        typer.echo(json.dumps(result))
    else:
        console = Console()
        for table in shown.values():
            table.print(console)
    if out is not None:
        with own_folder(out):
            written = write_tables(out, shown)
            write_json(out / "comparison.json", result)
        written.append("comparison.json")
        typer.echo(f"Wrote {', '.join(written)} to {out}", err=True)
