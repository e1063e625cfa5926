"""`skinnet benchmark deploy`: time, memory and size of a model in every format."""

from pathlib import Path
from typing import Annotated

import typer


def deploy(
    model: Annotated[
        Path,
        typer.Argument(
            metavar="EXPORT|RUN", help="Folder of an exported model, or a run directory."
        ),
    ],
    export: Annotated[
        Path | None,
        typer.Option(help="Folder of an exported model to measure beside the run's Keras model."),
    ] = None,
    kind: Annotated[
        str | None,
        typer.Option(help="classifier, end_to_end or segmenter only; all there are by default."),
    ] = None,
    threads: Annotated[
        str,
        typer.Option(
            help="Comma-separated numbers of threads for TFLite and ONNX Runtime; Keras and "
            "SavedModel take the largest."
        ),
    ] = "1,2",
    rounds: Annotated[int, typer.Option(min=1, help="How often every artefact has its turn.")] = 5,
    seconds: Annotated[
        float, typer.Option(min=0, help="Time of an artefact in a round, for each batch size.")
    ] = 1.0,
    out: Annotated[
        Path | None, typer.Option(help="Folder for deployment.csv, .json, .txt and .png.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Measure latency, throughput, memory and size in every format, side by side.

    Keras (of a run), SavedModel, TFLite and ONNX Runtime, whatever is there.
    Each artefact has a process of its own; they take turns, so that what
    else runs on the machine hits all alike. The images are generated lesions.

    Example: skinnet benchmark deploy runs/skinnet_v2 --export exported/skinnet_v2 --out bench
    """
    import json

    from rich.console import Console
    from rich.progress import Progress

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.errors import UserError
    from skinnet_keras.export.deployment_benchmark.benchmark import measure_costs
    from skinnet_keras.export.deployment_benchmark.subjects import KINDS, find_subjects

    kinds = (*KINDS, "segmenter")
    if kind is not None and kind not in kinds:
        raise UserError(f"--kind {kind}: choose among {', '.join(kinds)}.")
    subjects = find_subjects(
        model, export, threads=_numbers(threads), kinds=None if kind is None else [kind]
    )
    with Progress(console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=len(subjects) * (rounds + 1))
        started = 0

        def show(what: str) -> None:
            nonlocal started
            progress.update(task, description=what, completed=started)
            started += 1

        results = measure_costs(subjects, rounds=rounds, seconds=seconds, progress=show)
    for failure in results.failures:
        typer.echo(f"{failure.label} was not measured: {failure.reason}", err=True)
    if not results.costs:
        raise UserError(f"nothing of {model} could be measured: see the messages above.")
    import_tensorflow_quietly()
    from skinnet_keras.export.deployment_benchmark.report import (
        build_report,
        deployment_table,
        write_report,
    )

    models = [path for path in (model, export) if path is not None]
    report = build_report(models, results, rounds=rounds, seconds=seconds)
    if out is not None:
        written = write_report(out, report)
        typer.echo(f"Wrote {', '.join(written)} to {out}", err=True)
    if as_json:
        typer.echo(json.dumps(report, allow_nan=False))
    else:
        deployment_table(report).print(Console())
    if results.failures:
        raise typer.Exit(1)


def _numbers(text: str) -> list[int]:
    from skinnet_keras.errors import UserError

    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() and int(word) > 0 for word in words):
        raise UserError(f"--threads {text!r}: write numbers from 1, such as 1,2.")
    return [int(word) for word in words]
