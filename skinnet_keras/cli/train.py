"""`skinnet train`: run or resume an experiment."""

from __future__ import annotations

import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer


def train(
    overrides: Annotated[
        list[str] | None,
        typer.Argument(help="config values as key=value, e.g. image_size=96 stages.cnn.epochs=2"),
    ] = None,
    config: Annotated[
        str | None, typer.Option(help="YAML file or preset name, e.g. skinnet_v2")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(
            help="catalogue folder, made by `skinnet data build`; with --resume where it lies now"
        ),
    ] = None,
    out: Annotated[
        Path | None, typer.Option(help="run directory (default: runs/<name of the config>)")
    ] = None,
    resume: Annotated[Path | None, typer.Option(help="run directory to go on with")] = None,
    distribute: Annotated[
        str | None, typer.Option(help="auto, none or mirrored; overrides the config")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="metrics as one JSON object")] = False,
) -> None:
    """Train a SkinNet (or only a segmentation network) and measure it on held-out groups.

    --resume goes on with an interrupted run; --data says where its catalogue was moved to, which
    the run then remembers.

    Example: skinnet train --config skinnet_v2 --data catalogue image_size=96 stages.cnn.epochs=2
    """
    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.errors import UserError
    from skinnet_keras.locks import own_folder

    if resume:
        if config or out or overrides or distribute:
            raise UserError(
                "--resume takes everything from the run directory: drop the other arguments (but "
                "--data, where the catalogue was moved)."
            )
        from skinnet_keras.runs.run import Run

        # Before TensorFlow is imported: a run that another process trains is refused at once, and
        # so is one whose catalogue is not there.
        with own_folder(resume) if resume.is_dir() else nullcontext():
            Run.open(resume, data=data).load_catalogue()
            import_tensorflow_quietly()
            from skinnet_keras.cli.training import train_resumed

            metrics = train_resumed(resume, data=data, show=not as_json)
    else:
        if not config or not data:
            raise UserError("give --config and --data, or --resume with a run directory.")
        from skinnet_keras.cli.training import train_from_config

        values = [*(overrides or []), *([f"distribute={distribute}"] if distribute else [])]
        metrics = train_from_config(config, data, out, values, show=not as_json)
    if as_json:
        print(json.dumps(metrics))
