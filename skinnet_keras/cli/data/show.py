"""`skinnet data show`."""

from pathlib import Path
from typing import Annotated

import typer


def show(
    catalogue: Annotated[Path, typer.Argument(metavar="DIR", help="The catalogue's folder.")],
    out: Annotated[
        Path | None, typer.Option(help="PNG to write; by default overview.png in DIR.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides which samples are shown.")] = 0,
) -> None:
    """Draw the class distribution (the paper's figure 1) and samples of every class.

    Example: skinnet data show catalogue --out classes.png
    """
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.data.figures import draw_overview

    out = out or catalogue / "overview.png"
    draw_overview(Catalogue.load(catalogue), out, seed=seed)
    typer.echo(str(out))
