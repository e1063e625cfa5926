"""`skinnet models`: what can be built, how large it is, and how it is wired."""

from pathlib import Path
from typing import Annotated

import typer


def models(
    parameters: Annotated[
        bool, typer.Option("--parameters", help="Build every network and count its parameters.")
    ] = False,
    plot: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Draw a SkinNet (v1..v4) or a segmentation network."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Drawing to write, .png, .svg or .pdf (NAME.png)."),
    ] = None,
    image_size: Annotated[int, typer.Option(min=1, help="Side of the square image.")] = 224,
    mask_branch: Annotated[
        str | None, typer.Option(help="Of a drawn SkinNet: mbconv adds MBConv blocks on the mask.")
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the tables.")
    ] = False,
) -> None:
    """List the networks, count their parameters, or draw one from its graph (figures 2-5).

    A SkinNet is drawn end to end, with the Split-Attention U-Net that gives it the mask.

    Example: skinnet models --plot v4 --out v4.png
    """
    import json

    from rich.console import Console

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.evaluation.table import Table

    import_tensorflow_quietly()
    from skinnet_keras.models import BACKBONES, SEGMENTERS, SKINNETS

    if plot is not None:
        path = out or Path(f"{plot}.png")
        _draw(plot, path, image_size, mask_branch)
        typer.echo(json.dumps({"plot": str(path)}) if as_json else f"Wrote {path}")
        return
    registries = {
        "SkinNet": SKINNETS,
        "segmentation network": SEGMENTERS,
        "backbone": BACKBONES,
    }
    counts = {
        title: {name: _count(title, name, image_size) if parameters else None for name in registry}
        for title, registry in registries.items()
    }
    if as_json:
        typer.echo(json.dumps(counts))
        return
    headings = ("Name", "Kind", "Parameters")[: 3 if parameters else 2]
    rows = tuple(
        (name, title, f"{count or 0:,}")[: len(headings)]
        for title, sizes in counts.items()
        for name, count in sizes.items()
    )
    Table("Networks", headings, rows).print(Console())


def _count(registry: str, name: str, image_size: int) -> int:
    """Parameters of a network, those that are not trained (moving averages) included."""
    import keras

    from skinnet_keras.models import build_backbone, build_segmenter, build_skinnet

    keras.utils.clear_session()
    if registry == "SkinNet":
        model = build_skinnet(name, image_size=image_size)
    elif registry == "segmentation network":
        model = build_segmenter(name, image_size=image_size)
    else:
        model = build_backbone(name, (image_size, image_size, 3))
    return model.count_params()


def _draw(name: str, path: Path, image_size: int, mask_branch: str | None) -> None:
    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.diagrams.diagram import plot_model
    from skinnet_keras.models import (
        SEGMENTERS,
        SKINNETS,
        attach_segmenter,
        build_segmenter,
        build_skinnet,
    )

    if name not in SKINNETS and name not in SEGMENTERS:
        known = ", ".join((*SKINNETS, *SEGMENTERS))
        raise UserError(f"unknown network '{name}': choose one of {known}.")
    try:
        if name in SEGMENTERS:
            plot_model(build_segmenter(name, image_size=image_size), path, title=name)
            return
        model = build_skinnet(name, image_size=image_size, mask_branch=mask_branch)
        inside: tuple[str, ...] = ()
        if any(tensor.name == "mask" for tensor in model.inputs):
            inside = (model.name,)
            segmenter = build_segmenter("split_attention_unet", image_size=image_size)
            model = attach_segmenter(model, segmenter)
    except ValueError as error:  # a size or a branch the builders refuse
        raise UserError(str(error)) from error
    plot_model(model, path, expand=inside, title=f"SkinNet-{name}")
