"""`skinnet segment compare`: segmentation networks side by side, as in the paper's table."""

from pathlib import Path
from typing import Annotated

import typer


def compare(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...|KEY=VALUE...",
            help="Finished runs; or, to train with --data, config values for all networks.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="Catalogue with masks to train the networks on; of runs that are named, where "
            "their own lies now."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for comparison.csv, .json, .txt, .png and, with --data, runs."),
    ] = None,
    networks: Annotated[
        str | None, typer.Option(help="Comma-separated, such as unet,malunet; all by default.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "val",
    reference: Annotated[
        str | None,
        typer.Option(help="Run that differences of Dice are taken to; by default the first."),
    ] = None,
    original_size: Annotated[
        bool,
        typer.Option("--original-size", help="Score at each photograph's size, not the network's."),
    ] = False,
    benchmark: Annotated[
        bool, typer.Option("--benchmark/--no-benchmark", help="Whether to measure speeds.")
    ] = True,
    batch_size: Annotated[
        int, typer.Option(min=1, help="Images of a training step when speeds are measured.")
    ] = 8,
    seconds: Annotated[
        float, typer.Option(min=0, help="Time for each measurement of a speed.")
    ] = 5.0,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads for speeds; all cores by default.")
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Compare networks on the same images: size, speed, Dice and IoU with intervals.

    With --data and no run every network is trained first from its packaged config into
    OUT/<network>, where finished runs are taken as they are and interrupted ones go on. Otherwise
    compares the runs that are named.

    Example: skinnet segment compare --data catalogue --out comparison --networks unet,malunet
    """
    import json

    from rich.console import Console

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.errors import UserError

    if split not in ("train", "val", "test"):
        raise UserError(f"--split {split}: choose train, val or test.")
    directories = [Path(source) for source in sources or []]
    training = data is not None and not any(path.is_dir() for path in directories)
    if training and out is None:
        raise UserError("--data needs --out, the folder that the trained runs go to.")
    if not training and networks is not None:
        raise UserError("--networks needs --data, the catalogue to train them on.")
    if data is None and not sources:
        raise UserError("name the runs to compare, or give --data and --out to train them.")
    import_tensorflow_quietly()
    from skinnet_keras.cli.segment_benchmarks import chosen_networks
    from skinnet_keras.cli.segment_comparison import (
        named_runs,
        score_runs,
        time_runs,
        train_networks,
    )
    from skinnet_keras.evaluation.segmentation.comparison import (
        compare_segmenters,
        write_comparison,
    )
    from skinnet_keras.evaluation.segmentation.tables import comparison_table
    from skinnet_keras.export.machine import available_cores
    from skinnet_keras.locks import own_folder

    if training and data is not None and out is not None:
        named = [name.strip() for name in networks.split(",")] if networks else []
        chosen = chosen_networks(named, every=not named)
        if reference is not None and reference not in chosen:
            raise UserError(f"--reference {reference}: choose among {', '.join(chosen)}.")
        directories = train_networks(chosen, data, out, sources or [])
    runs = named_runs(directories, data=data)
    # Times come first: this process would hold an accelerator's memory once it predicts.
    speeds = {}
    if benchmark:
        speeds = time_runs(
            runs,
            data=data,
            batch_size=batch_size,
            seconds=seconds,
            threads=threads or available_cores(),
        )
    comparison = compare_segmenters(
        score_runs(runs, split, speeds, data=data, original_size=original_size),
        split=split,
        scored_at="original size" if original_size else "network size",
        reference=reference,
        bootstrap=bootstrap,
        seed=seed,
    )
    if as_json:
        typer.echo(json.dumps(comparison))
    else:
        comparison_table(comparison).print(Console())
    if out is not None:
        with own_folder(out):
            written = write_comparison(out, comparison)
        typer.echo(f"Wrote {', '.join(written)} to {out}", err=True)
