"""`skinnet data build`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skinnet_keras.cli.data.output import JSON_HELP, print_classes

if TYPE_CHECKING:
    import pandas as pd

    from skinnet_keras.data.build_report import BuildReport


def build(
    source: Annotated[
        list[str],
        typer.Option(metavar="NAME=DIR", help="A data set and its folder; repeat for more."),
    ],
    out: Annotated[Path, typer.Option(help="The catalogue's folder, new or empty.")],
    seed: Annotated[int, typer.Option(help="Decides the splits and folds.")] = 0,
    fractions: Annotated[
        str, typer.Option(metavar="TRAIN,VAL,TEST", help="Shares of the splits.")
    ] = "0.70,0.15,0.15",
    splits: Annotated[
        Path | None, typer.Option(help="CSV image_id,split with your own fixed split.")
    ] = None,
    keep_official_test: Annotated[
        bool, typer.Option("--keep-official-test", help="Keep the data sets' official splits.")
    ] = False,
    unknown: Annotated[
        str | None, typer.Option(help="UNK: count unknown diagnoses as UNK, do not refuse them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Read data sets, find copies, group lesions and split them without leaks.

    Sources: isic2017, ham10000, isic2019, isic2020, synthetic.

    Example: skinnet data build --source isic2019=downloads/isic2019 --out catalogue
    """
    import json

    from skinnet_keras.data.catalogue import Catalogue, build_catalogue

    report = build_catalogue(
        _parse_sources(source),
        out,
        seed=seed,
        fractions=_parse_fractions(fractions),
        unknown=unknown,
        splits=splits,
        keep_official=keep_official_test,
    )
    if as_json:
        typer.echo(json.dumps({"catalogue": str(out), **report.to_dict()}))
    else:
        _print_report(report, Catalogue.load(out).table)


def _parse_sources(pairs: list[str]) -> dict[str, Path]:
    from skinnet_keras.errors import UserError

    sources: dict[str, Path] = {}
    for pair in pairs:
        name, equals, folder = pair.partition("=")
        if not (name and equals and folder):
            raise UserError(f"--source {pair} is not of the form NAME=DIR.")
        if name in sources:
            raise UserError(f"--source {name} is given twice: name every data set once.")
        sources[name] = Path(folder)
    return sources


def _parse_fractions(text: str) -> tuple[float, float, float]:
    from skinnet_keras.errors import UserError

    try:
        train, val, test = (float(share) for share in text.split(","))
    except ValueError:
        raise UserError(f"--fractions {text} is not of the form 0.70,0.15,0.15.") from None
    return train, val, test


def _print_report(report: "BuildReport", table: "pd.DataFrame") -> None:
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    console = Console()
    print_classes(table)
    by_source = Table("source", title="Images by source", box=SIMPLE)
    for heading in next(iter(report.sources.values())):
        by_source.add_column(heading.replace("_", " "), justify="right")
    for name, counts in report.sources.items():
        by_source.add_row(name, *(f"{count:,}" for count in counts.values()))
    console.print(by_source)
    causes = ", ".join(
        f"{n:,} by {cause.replace('_', ' ')}" for cause, n in report.duplicates.items()
    )
    console.print(
        f"{report.rows:,} images, {report.kept:,} kept; copies: {causes}.\n"
        f"Largest group: {report.largest_group} with {report.largest_group_images:,} images.",
        highlight=False,
    )
    for conflict in report.label_conflicts:
        labels = ", ".join(f"{image_id} {label}" for image_id, label in conflict.labels.items())
        typer.echo(f"Copies with different labels: {labels}; {conflict.resolved} it is.", err=True)
    for sentence in (*report.unreadable, *report.masks_left_out):
        typer.echo(f"Left out: {sentence}", err=True)
    for note in report.notes:
        typer.echo(note, err=True)
