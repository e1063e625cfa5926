"""`skinnet crossval`: a config trained once for every fold, and what that says."""

from pathlib import Path
from typing import Annotated

import typer


def crossval(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="config values as key=value, e.g. image_size=96 stages.cnn.epochs=2"),
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="YAML file or preset name, e.g. skinnet_v2")
    ] = None,
    data: Annotated[
        Path | None, typer.Option(help="catalogue folder, made by `skinnet data build`")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="folder of the folds (default: runs/<config>_crossval)")
    ] = None,
    folds: Annotated[
        int | None, typer.Option(min=2, help="number of folds (default: the catalogue's own)")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = 10000,
    as_json: Annotated[bool, typer.Option("--json", help="metrics as one JSON object")] = False,
) -> None:
    """Cross-validate a config: stratified folds that keep lesions and patients whole.

    The images of train and val are divided into folds; the catalogue's test split takes no part.
    Every fold is a run in OUT/fold_K; the same command goes on where it was interrupted. OUT holds
    metrics.json (each fold, mean, standard deviation, all folds pooled) and predictions_test.csv,
    the out-of-fold predictions, which `evaluate`, `compare` and `ensemble` take.

    Example: skinnet crossval --config skinnet_v1 --data catalogue --folds 3 image_size=96
    """
    import json

    from rich.console import Console

    from skinnet_keras.config import load_config
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.data.folds import fold_names
    from skinnet_keras.errors import UserError
    from skinnet_keras.presets import find_config

    if not config or not data:
        raise UserError("give --config and --data.")
    experiment = load_config(find_config(config), overrides or [])
    if experiment.cross_validation is not None:
        raise UserError("crossval sets the section cross_validation itself: leave it out.")
    own = len(fold_names(Catalogue.load(data).table))
    folds = folds or own
    if folds < 2:
        raise UserError(f"{data} has no folds of its own: give --folds.")
    out = out or Path("runs") / f"{experiment.name}_crossval"

    from skinnet_keras.cli.fold_reports import report_folds
    from skinnet_keras.cli.fold_runs import train_folds
    from skinnet_keras.locks import own_folder

    with own_folder(out):
        runs = train_folds(experiment, data, out, folds=folds)
        report, table = report_folds(experiment.name, runs, out, bootstrap=bootstrap)
    if as_json:
        typer.echo(json.dumps(report))
    else:
        table.print(Console())
        typer.echo(f"Folds, metrics and tables are in {out}", err=True)
