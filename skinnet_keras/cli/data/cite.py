"""`skinnet data cite`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skinnet_keras.cli.data.output import JSON_HELP

if TYPE_CHECKING:
    from skinnet_keras.data.citations import DataSet


def cite(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[NAME]...", help="Only these data sets.")
    ] = None,
    catalogue: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Only those a catalogue was built from.")
    ] = None,
    bibtex: Annotated[bool, typer.Option("--bibtex", help="Print BibTeX entries.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Print how to cite the data sets and what their licences allow.

    Example: skinnet data cite --catalogue catalogue --bibtex
    """
    import json

    from skinnet_keras.data.citations import data_set_named, data_sets, works_of

    wanted = [*(names or ()), *(_sources(catalogue) if catalogue else ())]
    chosen = [data_set_named(name) for name in wanted] or list(data_sets().values())
    chosen = list({data_set.name: data_set for data_set in chosen}.values())
    if as_json:
        typer.echo(json.dumps({"data_sets": [_as_dict(data_set) for data_set in chosen]}))
    elif bibtex:
        typer.echo("\n\n".join(work.bibtex for work in works_of(chosen)))
    else:
        _print_table(chosen)


def _sources(catalogue: Path) -> list[str]:
    from skinnet_keras.data.catalogue import Catalogue

    return list(Catalogue.load(catalogue).sources)


def _as_dict(data_set: "DataSet") -> dict[str, object]:
    return {
        "name": data_set.name,
        "title": data_set.title,
        "images": data_set.images,
        "home": data_set.home or None,
        "downloadable": bool(data_set.files),
        "licence": {
            "name": data_set.licence.name,
            "url": data_set.licence.url or None,
            "trained_model": data_set.licence.model,
        },
        "attribution": data_set.attribution or None,
        "cite": [{"key": work.key, "type": work.type, **work.fields} for work in data_set.works],
    }


def _print_table(chosen: list["DataSet"]) -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE, leading=1, show_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("images", justify="right", no_wrap=True)
    table.add_column("licence", max_width=18)
    table.add_column("cite", overflow="fold")
    for data_set in chosen:
        images = f"{data_set.images:,}" if data_set.images else ""
        lines = [work.citation for work in data_set.works]
        if data_set.attribution:
            lines.append(f"Credit: {data_set.attribution}.")
        cited = Text("\n").join([Text(data_set.title, style="bold"), *map(Text, lines)])
        table.add_row(data_set.name, images, data_set.licence.name, cited)
    console = Console(highlight=False)
    console.print(table)
    console.print()
    for licence in {data_set.licence.name: data_set.licence for data_set in chosen}.values():
        console.print(Text(f"{licence.name}: {licence.model}."))
