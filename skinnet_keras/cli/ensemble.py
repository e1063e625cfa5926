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

    Example: skinnet ensemble runs/v1 runs/v2 runs/v4 --method greedy --out runs/ensemble
    """
    import json
    from dataclasses import replace

    from rich.console import Console

    from skinnet_keras.atomic import atomic_directory
    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.ensemble import METHODS, fit_ensemble
    from skinnet_keras.evaluation.ensemble_members import common_splits, find_members, read_splits
    from skinnet_keras.evaluation.ensemble_report import (
        check_output,
        ensemble_name,
        member_reports,
        members_table,
        write_collection,
        write_ensemble,
    )
    from skinnet_keras.evaluation.ensemble_weights import DEFAULT_ROUNDS, GREEDY_METRICS
    from skinnet_keras.evaluation.report import write_tables
    from skinnet_keras.evaluation.tables import comparison, comparison_changes

    if method not in (*METHODS, "all"):
        raise UserError(f"--method {method}: choose one of {', '.join(METHODS)}, all.")
    if metric is not None and metric not in GREEDY_METRICS:
        raise UserError(f"--metric {metric}: choose one of {', '.join(GREEDY_METRICS)}.")
    if method not in ("greedy", "all") and (metric or rounds):
        raise UserError("--metric and --rounds belong to --method greedy: leave them out.")

    members = find_members(sources)
    check_output(out, members, overwrite=overwrite)
    splits = read_splits(members, common_splits(members, method=method))
    if "val" not in splits:
        typer.echo("Not every run has a predictions_val.csv: test images alone.", err=True)
    metric, rounds = metric or GREEDY_METRICS[0], rounds or DEFAULT_ROUNDS
    ensembles = {
        name: fit_ensemble(name, len(members), splits.get("val"), metric=metric, rounds=rounds)
        for name in (METHODS if method == "all" else (method,))
    }
    reports = member_reports(members, splits)
    tables = {"members": members_table(members, splits, ensembles)}
    with atomic_directory(out, replace=overwrite) as folder:
        for name, fitted in ensembles.items():
            place = folder / name if method == "all" else folder
            settings = {"metric": metric, "rounds": rounds} if name == "greedy" else {}
            reports[ensemble_name(name)] = write_ensemble(place, fitted, members, splits, settings)
        if method == "all":
            write_collection(folder, list(ensembles), members, splits)
        compared_on = next((s for s in ("test", "val") if s in reports[members[0].name]), None)
        changes = {}
        if compared_on:
            compared = {name: of_splits[compared_on] for name, of_splits in reports.items()}
            changes = comparison_changes(compared)
            table = comparison(compared)
            tables["comparison"] = replace(table, title=f"{table.title}, {compared_on} images")
        write_tables(folder, tables)
    if as_json:
        summary = {
            "out": str(out),
            "weights": {
                name: dict(zip((m.name for m in members), fitted.weights.tolist(), strict=True))
                for name, fitted in ensembles.items()
            },
            "runs": reports,
            "compared_on": compared_on,
            "changes_percent": changes,
        }
        typer.echo(json.dumps(summary, allow_nan=False))
    else:
        console = Console()
        for table in tables.values():
            table.print(console)
    typer.echo(f"Wrote the ensemble to {out}", err=True)
