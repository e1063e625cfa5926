"""`skinnet export`: a run as SavedModel, TFLite and ONNX, checked against the Keras model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from skinnet_keras.evaluation.table import Table
    from skinnet_keras.export.bundle import ExportReport


def export(
    run: Annotated[Path, typer.Argument(help="A run directory of `skinnet train`.")],
    formats: Annotated[
        str, typer.Option("--format", help="Comma-separated: savedmodel, tflite, onnx.")
    ] = "savedmodel,tflite",
    precisions: Annotated[
        str,
        typer.Option(
            "--precision", help="Comma-separated, for the TFLite files: float32, float16, int8."
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
        typer.Option(
            help="Catalogue with the images to check on, or where the run's own lies now; by "
            "default the run's where it was."
        ),
    ] = None,
    uncalibrated: Annotated[
        bool,
        typer.Option("--uncalibrated", help="Leave out the calibration of `skinnet calibrate`."),
    ] = False,
    force: Annotated[
        bool,
        typer.Option("--force", help="Keep int8 files that decide otherwise than float32 does."),
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Export a run's classifier and end-to-end model for servers, phones and browsers.

    Every artefact is compared with the Keras model on images of the run's
    catalogue before it is put in place; one that computes something else, or
    hardly reacts to the image, is refused. An int8 file also has to decide as
    float32 does on at least 500 labelled validation images.

    Example: skinnet export runs/skinnet_v2 --format tflite --precision float16 --out exported
    """
    import json

    from skinnet_keras.cli.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from skinnet_keras.export.bundle import export_run
    from skinnet_keras.export.int8_gate import Int8RefusedError

    try:
        report = export_run(
            run,
            out,
            formats=_split(formats),
            precisions=_split(precisions),
            name=name,
            catalogue=data,
            calibrated=not uncalibrated,
            force=force,
        )
    except Int8RefusedError as refused:
        from rich.console import Console

        refused.report.table().print(Console(stderr=True))
        raise
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

    console = Console()
    _table(report).print(console)
    for result in report.parity:
        if result.int8 is not None:
            result.int8.table().print(console)
            if result.int8.forced:
                typer.echo(
                    f"{result.artefact} is written by --force although "
                    f"{'; '.join(result.int8.reasons)}.",
                    err=True,
                )
    typer.echo(f"Wrote {report.directory}", err=True)


def _table(report: "ExportReport") -> "Table":
    from skinnet_keras.evaluation.table import Table, number

    rows = []
    for result in report.parity:
        masks = result.mask_disagreement
        abstention = result.abstention_disagreement
        rows.append(
            (
                result.artefact,
                f"{result.max_difference:.1e}",
                number(result.logit_difference, ".1e"),
                number(result.tolerance, ".0e"),
                number(masks, ".3%"),
                number(abstention, ".1%"),
                str(result.images),
                "-" if result.delegation is None else str(result.delegation.partitions),
            )
        )
    return Table(
        title=f"{report.name}: against the Keras model",
        headings=(
            *("Artefact", "Probability", "Mask logit", "Accepted", "Mask pixels", "Abstention"),
            *("Images", "Delegate partitions"),
        ),
        rows=tuple(rows),
        footnotes=(
            "Largest difference of a probability, and of a mask's logit relative to the spread of "
            "logits; share of mask pixels, and of images abstained on, that differ. int8 is "
            "accepted by its decisions.",
        ),
    )
