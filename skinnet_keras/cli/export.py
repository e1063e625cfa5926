"""`skinnet export`: a trained run as SavedModel and TFLite, checked against the Keras model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from skinnet_keras.export.bundle import ExportReport


def export(
    run: Annotated[Path, typer.Argument(help="A run directory of `skinnet train`.")],
    formats: Annotated[
        str, typer.Option("--format", help="Comma-separated: savedmodel, tflite.")
    ] = "savedmodel,tflite",
    precisions: Annotated[
        str,
        typer.Option(
            "--precision", help="Comma-separated, for the TFLite files: float32, float16."
        ),
    ] = "float32,float16",
    out: Annotated[Path, typer.Option(help="Folder that collects exported models.")] = Path(
        "exported"
    ),
    name: Annotated[
        str | None, typer.Option(help="Name of the exported model; by default the run's.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Catalogue with the images to check on; by default the run's."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Export a run's classifier and end-to-end model for servers, phones and browsers.

    Every artefact is compared with the Keras model on images of the run's
    catalogue before it is put in place; one that computes something else, or
    hardly reacts to the image, is refused.

    Example: skinnet export runs/skinnet_v2 --format tflite --precision float16 --out exported
    """
    import json

    from skinnet_keras.cli.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from skinnet_keras.export.bundle import export_run

    report = export_run(
        run,
        out,
        formats=_split(formats),
        precisions=_split(precisions),
        name=name,
        catalogue=data,
    )
    if report.cleaning:
        typer.echo(
            f"This model was trained on cleaned images ({', '.join(report.cleaning)}): whoever "
            "feeds it must clean likewise, see 'cleaning' in metadata.json.",
            err=True,
        )
    for note in report.notes:
        typer.echo(note, err=True)
    if as_json:
        typer.echo(json.dumps(report.to_dict(), allow_nan=False))
    else:
        _print_report(report)


def _split(text: str) -> list[str]:
    return [word.strip() for word in text.split(",") if word.strip()]


def _print_report(report: "ExportReport") -> None:
    from rich.console import Console
    from rich.table import Column, Table

    table = Table(
        Column("Artefact", overflow="fold", min_width=30),
        "Difference",
        "Accepted",
        "Mask pixels",
        "Images",
        title=f"{report.name}: probabilities and masks against the Keras model",
    )
    for result in report.parity:
        disagreement = result.mask_disagreement
        table.add_row(
            result.artefact,
            f"{result.max_difference:.1e}",
            f"{result.tolerance:.0e}",
            "" if disagreement is None else f"{disagreement:.3%}",
            str(result.images),
        )
    Console().print(table)
    typer.echo(f"Wrote {report.directory}", err=True)
