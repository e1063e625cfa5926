"""`skinnet calibrate`: probabilities that can be believed, decisions by cost, abstention."""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES


def calibrate(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|VAL.csv", help="A run, or a file of its validation predictions."
        ),
    ],
    test: Annotated[
        Path | None,
        typer.Option(
            metavar="TEST.csv",
            help="Predictions of other images to score; by default the run's test predictions.",
        ),
    ] = None,
    method: Annotated[
        str, typer.Option(help="temperature, vector, or auto: what serves left-out images best.")
    ] = "auto",
    costs: Annotated[
        str, typer.Option(metavar="FILE", help="What wrong decisions cost: YAML, or a shipped one.")
    ] = "costs/melanoma_first",
    coverage: Annotated[
        float | None,
        typer.Option(help="Share of images to decide, the others are left to a human; 0.8."),
    ] = None,
    risk: Annotated[
        float | None,
        typer.Option(help="Instead: error rate that decided images stay below, 95 % sure."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the tables.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for both files, the report, tables and plots; not the run."),
    ] = None,
    bins: Annotated[int, typer.Option(min=1, help="Bins of equal mass, for ECE.")] = 15,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = DEFAULT_RESAMPLES,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
) -> None:
    """Calibrate a model on its validation predictions, and choose decisions by what errors cost.

    Writes calibration.json (temperature or vector scaling) and thresholds.json (one threshold a
    class for the costs, one of certainty for abstaining) into the run or, with --out, there; for
    a file without --out, nothing. Only validation predictions choose; test predictions are scored.

    The shipped costs are an example: set your own with a clinician.

    Example: skinnet calibrate runs/skinnet_v4 --costs my_costs.yaml --out calibrated
    """
    import json

    from rich.console import Console

    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.abstention import tables as abstention_tables
    from skinnet_keras.evaluation.calibration import tables
    from skinnet_keras.evaluation.calibration.files import write_model
    from skinnet_keras.evaluation.calibration.fit import METHODS
    from skinnet_keras.evaluation.calibration.inputs import read_calibration_inputs
    from skinnet_keras.evaluation.calibration.model import (
        calibrate_model,
        describe_model,
        score_model,
    )
    from skinnet_keras.evaluation.calibration.output import write_report
    from skinnet_keras.evaluation.decisions.costs import read_costs
    from skinnet_keras.locks import own_folder
    from skinnet_keras.presets import find_costs

    if method not in METHODS:
        raise UserError(f"--method {method}: choose one of {', '.join(METHODS)}.")
    if coverage is not None and risk is not None:
        raise UserError("--coverage and --risk are two targets: give one of them.")
    if coverage is not None and not 0 < coverage <= 1:
        raise UserError(f"--coverage {coverage:g}: give a share of the images, above 0 to 1.")
    if risk is not None and not 0 < risk < 1:
        raise UserError(f"--risk {risk:g}: give an error rate between 0 and 1.")

    inputs = read_calibration_inputs(source, test)
    stated_costs = read_costs(find_costs(costs))
    if inputs.left_out:
        typer.echo(
            f"{inputs.left_out} rows are left out: they have no label, or one the model has no "
            "class for.",
            err=True,
        )
    if inputs.shared_groups:
        typer.echo(
            f"Warning: {inputs.shared_groups} groups (lesions, patients) have images in both "
            "files: the test numbers are too good.",
            err=True,
        )
    target = {"risk": risk} if risk is not None else {"coverage": coverage or 0.8}
    model = calibrate_model(inputs.validation, stated_costs, method=method, **target)
    scored = inputs.validation if inputs.test is None else inputs.test
    report = score_model(model, scored, num_bins=bins, bootstrap=bootstrap, seed=seed)
    split = "val" if inputs.test is None else "test"
    images = "test" if split == "test" else "the validation images it was fitted on"
    name = f"{source.resolve().name}, {images}"
    shown = {
        "fitted_calibration": tables.fitted_table(model.fit),
        "calibration": tables.calibration_table(report["calibration"], name),
        "calibration_by_class": tables.class_calibration_table(report["calibration"], name),
        "decisions": tables.costs_table(report["decisions"], name),
        "thresholds": tables.thresholds_table(model.thresholds.thresholds),
        "costs_by_coverage": abstention_tables.costs_by_coverage_table(
            report["costs_by_coverage"], name
        ),
        "abstention": abstention_tables.risk_table(report["abstention"], name),
        "abstention_by_class": abstention_tables.abstention_table(report["abstention"], name),
    }
    written = []
    folder = out or inputs.run
    if folder is not None:
        with own_folder(folder):
            written += write_model(folder, model, inputs.validation_file, inputs.validation)
            if out is not None:
                written += write_report(out, model, scored, report, shown, name, num_bins=bins)
    if as_json:
        content = {"fitted": describe_model(model), "scored_on": split, **report}
        typer.echo(json.dumps(content, allow_nan=False))
    else:
        console = Console()
        for table in shown.values():
            table.print(console)
    where = f"Wrote {', '.join(written)} to {folder}" if folder else "Nothing written: no --out."
    typer.echo(where, err=True)
