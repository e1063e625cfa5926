"""`skinnet demo`: the whole pipeline on generated lesions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def demo(
    out: Annotated[
        Path, typer.Option(help="folder for everything the demo makes; an earlier demo is replaced")
    ] = Path("runs/demo"),
    classes: Annotated[
        int, typer.Option(help="8, or 9: with lesions of none of the eight classes as UNK")
    ] = 8,
) -> None:
    """Run everything on generated lesions: data, masks, SkinNet-v1..v4, tables, a TFLite file.

    Example: skinnet demo --out runs/demo
    """
    from skinnet_keras.cli.quiet import import_tensorflow_quietly

    import_tensorflow_quietly()
    from skinnet_keras.cli.demonstration import run_demo

    run_demo(out, classes)
