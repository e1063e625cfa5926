"""`skinnet ensemble`: combine the predictions of several runs."""

from pathlib import Path
from typing import Annotated

import typer


def ensemble(
    sources: Annotated[
        list[Path],
        typer.Argument(
            metavar="RUN...",
            help="Two run directories or more. For another system, any folder with its "
            "predictions_val.csv and predictions_test.csv.",
        ),
    ],
    out: Annotated[Path, typer.Option(help="Folder for the ensemble.")],
    method: Annotated[
        str, typer.Option(help="mean, rank_mean, greedy, weighted, or all of them.")
    ] = "mean",
    metric: Annotated[
        str | None,
        typer.Option(help="What greedy selects by: balanced_accuracy (the default) or log_loss."),
    ] = None,
    rounds: Annotated[
        int | None, typer.Option(min=1, help="Picks of greedy at most; 50 by default.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="The runs' catalogue: refuse those that were trained on another one."),
    ] = None,
    overwrite: Annotated[
        bool,
        typer.Option("--overwrite", help="Replace an earlier ensemble in --out, the whole folder."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the tables.")
    ] = False,
) -> None:
    """Combine the predictions of runs that were trained on one catalogue.

    mean: mean probability, the only method without predictions_val.csv.

    rank_mean: mean of the ranks that scores have among the run's validation
    scores of the class; scores, not calibrated probabilities.

    greedy: forward selection of runs on validation, with replacement.

    weighted: weights of the smallest validation log loss.

    Validation predictions choose, test predictions are only scored. --out
    looks like a run to `skinnet evaluate` and `skinnet compare`; with
    --method all, its subfolders do, one a method.

    Folders of `skinnet crossval` are combined fold by fold: the fold's validation images choose,
    the images it holds out are scored, all folds together.

    Example: skinnet ensemble runs/v1 runs/v2 runs/v4 --method greedy --out runs/ensemble
    """
    import json

    from rich.console import Console

    from skinnet_keras.atomic import atomic_directory
    from skinnet_keras.cli.ensemble_output import check_catalogue, combine_folds, combine_runs
    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.ensembles.ensemble import METHODS
    from skinnet_keras.evaluation.ensembles.folds import fold_members
    from skinnet_keras.evaluation.ensembles.members import find_members
    from skinnet_keras.evaluation.ensembles.report import check_output
    from skinnet_keras.evaluation.ensembles.weights import DEFAULT_ROUNDS, GREEDY_METRICS
    from skinnet_keras.evaluation.report import write_tables

    if method not in (*METHODS, "all"):
        raise UserError(f"--method {method}: choose one of {', '.join(METHODS)}, all.")
    if metric is not None and metric not in GREEDY_METRICS:
        raise UserError(f"--metric {metric}: choose one of {', '.join(GREEDY_METRICS)}.")
    if method not in ("greedy", "all") and (metric or rounds):
        raise UserError("--metric and --rounds belong to --method greedy: leave them out.")

    members = find_members(sources)
    if data is not None:
        check_catalogue(members, data)
    check_output(out, members, overwrite=overwrite)
    methods = METHODS if method == "all" else (method,)
    settings = {"metric": metric or GREEDY_METRICS[0], "rounds": rounds or DEFAULT_ROUNDS}
    folds = fold_members(members)
    with atomic_directory(out, replace=overwrite) as folder:
        if folds:
            summary, tables = combine_folds(folder, folds, methods, settings)
        else:
            summary, tables = combine_runs(folder, members, methods, settings)
        write_tables(folder, tables)
    if as_json:
        typer.echo(json.dumps({"out": str(out), **summary}, allow_nan=False))
    else:
        console = Console()
        for table in tables.values():
            table.print(console)
    typer.echo(f"Wrote the ensemble to {out}", err=True)
