"""`skinnet segment train`: a segmentation network on its own."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

# A config of a whole SkinNet trains its segmentation network alone here.
_ALONE = ("model=null", "stages.cnn=null", "stages.head=null", "stages.joint=null")


def train(
    data: Annotated[Path, typer.Option(help="catalogue folder with masks")],
    overrides: Annotated[
        list[str] | None, typer.Argument(help="config values as key=value, e.g. image_size=96")
    ] = None,
    config: Annotated[
        str, typer.Option(help="YAML file or preset name")
    ] = "segmentation/split_attention_unet",
    out: Annotated[
        Path | None, typer.Option(help="run directory (default: runs/<name of the config>)")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="metrics as one JSON object")] = False,
) -> None:
    """Train a segmentation network; classifiers use it with segmenter.run=RUN.

    Example: skinnet segment train --data catalogue image_size=128 stages.segmentation.epochs=10
    """
    from skinnet_keras.cli.training import train_from_config

    metrics = train_from_config(config, data, out, [*_ALONE, *(overrides or [])], show=not as_json)
    if as_json:
        print(json.dumps(metrics))
