"""`skinnet evaluate`: the per-class table, confusion matrix and headline numbers of a run."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    source: Annotated[
        Path, typer.Argument(metavar="RUN|PREDICTIONS.csv", help="A run, or a predictions file.")
    ],
    split: Annotated[str, typer.Option(help="Which predictions of a run: test or val.")] = "test",
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the tables.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for metrics.json, the tables (CSV, Markdown, LaTeX), the plots."),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = 10000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    min_tpr: Annotated[
        float, typer.Option(help="Sensitivity above which pAUC is taken; ISIC-2024: 0.8.")
    ] = 0.8,
    at_specificity: Annotated[
        float, typer.Option(help="Specificity at which sensitivity is given.")
    ] = 0.95,
    at_sensitivity: Annotated[
        float, typer.Option(help="Sensitivity at which specificity is given.")
    ] = 0.95,
) -> None:
    """Score predictions: metrics per class as in the paper's tables 2-5, errors on rare classes.

    Beside them AUC, PR-AUC, partial AUC and operating points of every class, kappa and MCC, all
    with intervals from one set of resampled lesions.

    Reads a run's predictions, or a CSV of any model: image_id, label, one probability column per
    class (MEL, NV, BCC, AK, BKL, DF, VASC, SCC) and, optionally, group for the intervals.

    Example: skinnet evaluate runs/skinnet_v4 --out runs/skinnet_v4/report
    """
    import json

    from rich.console import Console

    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation import interval_tables, tables
    from skinnet_keras.evaluation.confusion import confusion_matrix
    from skinnet_keras.evaluation.metrics import evaluate_predictions
    from skinnet_keras.evaluation.predictions import predictions_path, read_predictions
    from skinnet_keras.evaluation.ranking import OperatingPoints

    points = OperatingPoints(min_tpr, at_specificity, at_sensitivity)
    file = predictions_path(source, split)
    predictions = read_predictions(file)
    scored = predictions.scored()
    left_out = len(predictions.labels) - len(scored.labels)
    if not scored.labels:
        raise UserError(f"{file} holds no labelled row: there is nothing to score.")
    if left_out:
        typer.echo(
            f"{left_out} of {len(predictions.labels)} rows are left out: "
            "they have no label, or one the model has no class for.",
            err=True,
        )
    report = evaluate_predictions(predictions, bootstrap=bootstrap, seed=seed, points=points)
    confusion = confusion_matrix(
        scored.true_indices(), scored.predicted_indices(), len(scored.classes)
    )
    name = f"{source.resolve().name} ({split})" if source.is_dir() else file.name
    shown = {
        "per_class": tables.per_class(report, name),
        "class_intervals": interval_tables.class_intervals(report, name),
        "ranking": interval_tables.ranking(report, name),
        "confusion_matrix": tables.confusion(confusion, scored.classes, name),
        "summary": interval_tables.headline(report, name),
    }
    if as_json:
        typer.echo(json.dumps(report))
    else:
        console = Console()
        for table in shown.values():
            table.print(console)
    if out is not None:
        from skinnet_keras.evaluation.report import write_report
        from skinnet_keras.locks import own_folder

        with own_folder(out):
            written = write_report(out, report, shown, scored, confusion, name, file.parent)
        typer.echo(f"Wrote {', '.join(written)} to {out}", err=True)
