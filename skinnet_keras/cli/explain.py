"""`skinnet explain`: where a run's classifier looks, and whether that matters to it."""

from pathlib import Path
from typing import Annotated, Any

import typer

from skinnet_keras.cli.patient import Age, Sex, Site


def explain(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run with a classifier.")],
    images: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGE|FOLDER]...",
            help="Photographs, or folders of them; none for images of the split.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Where the run's catalogue lies now; by default where it was."),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="Folder for the sheets; explanations in the run by default.")
    ] = None,
    split: Annotated[
        str, typer.Option(help="Split to draw images from: train, val, test.")
    ] = "test",
    count: Annotated[int, typer.Option(min=1, help="Images to draw, classes in turn.")] = 48,
    label: Annotated[
        str | None, typer.Option(help="Draw images of this class only, e.g. MEL.")
    ] = None,
    asked: Annotated[
        str | None,
        typer.Option("--class", help="Explain this class; by default the predicted one."),
    ] = None,
    perturb: Annotated[
        bool, typer.Option(help="Follow the deletion and insertion curves, too.")
    ] = True,
    age: Age = None,
    sex: Sex = None,
    site: Site = None,
    seed: Annotated[int, typer.Option(help="Of the draw and of the random orders.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Draw Grad-CAM maps, and test them: are they on the lesion, does the class go with them?

    Writes contact sheets and curves (PNG), explanations.csv and summary.json, which names the
    weights it is of; `skinnet report` takes the folder into its page. Photographs that cannot be
    read are listed, and the exit code is 2; the others are explained all the same.

    Example: skinnet explain runs/skinnet_v4 --label MEL --count 24
    """
    import json

    from rich.console import Console

    from skinnet_keras.cli.failed_images import exit_for
    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.errors import UserError
    from skinnet_keras.inference.model_files import find_model
    from skinnet_keras.inference.photographs import find_photographs
    from skinnet_keras.runs.run import Run

    photographs = find_photographs(images or [])
    for note in photographs.notes:
        typer.echo(note, err=True)
    failed = list(photographs.failed)
    if failed and not photographs.files:
        exit_for(failed, 0)
    find_model(run)
    if not images:
        Run.open(run, data=data).load_catalogue()  # before TensorFlow is imported
    import_tensorflow_quietly()
    from skinnet_keras.evaluation.explanation_plot import plot_curves
    from skinnet_keras.evaluation.explanations import FOLDER, SUMMARY_FILE, explanation_table
    from skinnet_keras.evaluation.stored_results import write_result
    from skinnet_keras.explanation.cases import cases_of_files, cases_of_split
    from skinnet_keras.explanation.explain import explain_cases
    from skinnet_keras.explanation.sheet import write_sheets
    from skinnet_keras.explanation.summary import mean_curves, summarize, write_figures
    from skinnet_keras.inference.run_models import RunModels
    from skinnet_keras.locks import own_folder
    from skinnet_keras.runs.samples import classes_of

    folder = out or run / FOLDER
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file where a folder is to be written: choose another name.")
    models = RunModels.load(run, data=data)
    classes = classes_of(models.run.config.num_classes)
    for option, value in (("--label", label), ("--class", asked)):
        if value is not None and value not in classes:
            raise UserError(f"{option} {value}: choose one of {', '.join(classes)}.")
    if images:
        cases, unreadable = cases_of_files(models, photographs.files, age=age, sex=sex, site=site)
        failed += unreadable
        if not cases:
            exit_for(failed, 0)
    else:
        only = None if label is None else classes.index(label)
        cases = cases_of_split(models, split, count=count, label=only, seed=seed)
    number = None if asked is None else classes.index(asked)
    explanations = explain_cases(models.classifier, cases, asked=number, perturb=perturb, seed=seed)
    name = run.resolve().name
    with own_folder(folder):
        sheets = write_sheets(explanations, classes, folder, f"Grad-CAM: {name}")
        write_figures(explanations, classes, folder / "explanations.csv")
        curves = mean_curves(explanations, seed)
        if curves:
            plot_curves(curves, folder / "curves.png", title=f"Does the map matter? {name}")
        found: dict[str, Any] = {
            "images": len(cases),
            "split": None if images else split,
            "label": label,
            "asked": asked,
            "seed": seed,
            "figures": summarize(explanations, seed),
            "curves": curves,
            "sheets": [path.name for path in sheets],
            "failed": [image.to_dict() for image in failed],
        }
        write_result(folder / SUMMARY_FILE, found, models.weight_hashes())
    if as_json:
        typer.echo(json.dumps(found))
    else:
        explanation_table(found["figures"], name).print(Console())
        typer.echo(f"Wrote {len(sheets)} sheets, explanations.csv, {SUMMARY_FILE} to {folder}")
    typer.echo("For research only: this is not medical advice.", err=True)
    exit_for(failed, len(cases))
