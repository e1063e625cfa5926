"""`skinnet segment benchmark`: size and speed of segmentation networks on this machine."""

from pathlib import Path
from typing import Annotated, Any

import typer


def benchmark(
    networks: Annotated[
        list[str] | None, typer.Argument(metavar="NETWORK...", help="Names, such as unet.")
    ] = None,
    every: Annotated[bool, typer.Option("--all", help="All networks.")] = False,
    image_size: Annotated[int, typer.Option(min=32, help="Side of the image in pixels.")] = 224,
    batch_size: Annotated[int, typer.Option(min=1, help="Images of a training step.")] = 8,
    arguments: Annotated[
        str, typer.Option(help="The network's own, as YAML: '{widths: [16, 32, 64]}'.")
    ] = "{}",
    seconds: Annotated[
        float, typer.Option(min=0, help="Time for each of training, Keras and TFLite.")
    ] = 5.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads; all cores by default.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="CSV to append the rows to, as they come."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Measure parameters, multiply-accumulates, training speed and prediction time.

    Several networks are measured one after another, each in a process of its own. Their weights
    are random: speed does not depend on them.

    Example: skinnet segment benchmark unet split_attention_unet --threads 2 --out speed.csv
    """
    import json
    import os

    from rich.console import Console

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.export.machine import available_cores

    threads = threads or available_cores()
    # Read by TensorFlow once, when its thread pools are made.
    os.environ["TF_NUM_INTRAOP_THREADS"] = str(threads)
    import_tensorflow_quietly()
    from skinnet_keras.cli.child import raise_failures
    from skinnet_keras.cli.segment_benchmarks import SpeedFile, chosen_networks, measure
    from skinnet_keras.evaluation.segmentation.tables import speed_table

    names = chosen_networks(networks or [], every=every)
    file = SpeedFile(out) if out is not None else None
    rows: list[dict[str, Any]] = []

    def done(row: dict[str, Any]) -> None:
        rows.append(row)
        if file is not None:
            file.append(row)

    failed = measure(
        names,
        image_size=image_size,
        batch_size=batch_size,
        arguments=arguments,
        seconds=seconds,
        threads=threads,
        done=done,
    )
    if as_json:
        typer.echo(json.dumps({"networks": rows}))
    elif rows:
        speed_table(rows).print(Console())
    raise_failures(failed)
