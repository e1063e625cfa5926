"""`skinnet data show`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

if TYPE_CHECKING:
    from collections.abc import Callable


def show(
    catalogue: Annotated[Path, typer.Argument(metavar="DIR", help="The catalogue's folder.")],
    by: Annotated[
        Literal["class", "split", "source"] | None,
        typer.Option(help="Draw the class distribution alone, broken down by this."),
    ] = None,
    samples: Annotated[bool, typer.Option("--samples", help="Draw images of every class.")] = False,
    masks: Annotated[
        bool, typer.Option("--masks", help="Draw lesion masks as outlines on their images.")
    ] = False,
    duplicates: Annotated[
        bool, typer.Option("--duplicates", help="Draw pairs of copies side by side.")
    ] = False,
    cleaning: Annotated[
        bool, typer.Option("--cleaning", help="Draw images before and after cleaning.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="PNG to write, for one picture; by default they are written into DIR.",
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(min=1, help="Images to draw (of every class, where classes are drawn)."),
    ] = None,
    seed: Annotated[int, typer.Option(help="Decides which images are drawn.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the paths as one JSON object.")
    ] = False,
) -> None:
    """Draw the class distribution (the paper's figure 1) and samples of every class.

    Without an option: both on one page, overview.png. Several options draw several pictures.

    Example: skinnet data show catalogue --by source --masks
    """
    import json
    from functools import partial

    from skinnet_keras.data import figures
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.errors import UserError

    loaded = Catalogue.load(catalogue)
    options: dict[str, Any] = {"seed": seed} if count is None else {"seed": seed, "count": count}
    pictures: dict[str, Callable[[Path], None]] = {}
    if by:
        pictures["classes" if by == "class" else f"classes_by_{by}"] = partial(
            figures.draw_distribution, loaded, by=by
        )
    if samples:
        pictures["samples"] = partial(figures.draw_samples, loaded, **options)
    if masks:
        pictures["masks"] = partial(figures.draw_masks, loaded, **options)
    if duplicates:
        from skinnet_keras.data.contact_sheet import draw_duplicates

        pictures["duplicates"] = partial(draw_duplicates, loaded, **options)
    if cleaning:
        from skinnet_keras.data.cleaning.figure import draw_cleaning

        pictures["cleaning"] = partial(draw_cleaning, loaded, **options)
    if not pictures:
        pictures["overview"] = partial(figures.draw_overview, loaded, **options)
    if out is not None and len(pictures) > 1:
        raise UserError(f"--out names one PNG for {len(pictures)} pictures: ask for one at a time.")
    written = []
    for name, draw in pictures.items():
        path = out or catalogue / f"{name}.png"
        draw(path)
        written.append(str(path))
        if not as_json:
            typer.echo(path)
    if as_json:
        typer.echo(json.dumps({"pictures": written}))
