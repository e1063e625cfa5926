"""`skinnet data build`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skinnet_keras.cli.data.output import JSON_HELP, new_table, print_classes, print_table

if TYPE_CHECKING:
    import pandas as pd

    from skinnet_keras.data.build_report import BuildReport

_CONFLICTS_SHOWN = 10


def build(
    out: Annotated[Path, typer.Option(help="The catalogue's folder.")],
    source: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME=DIR", help="A data set and its folder; repeat for more."),
    ] = None,
    update: Annotated[
        bool,
        typer.Option(
            "--update",
            help="Rebuild the catalogue in --out: only new and changed files are read, images keep "
            "their split and fold, and sources need not be named again, but those whose folder "
            "was moved.",
        ),
    ] = False,
    seed: Annotated[int, typer.Option(help="Decides the splits and folds.")] = 0,
    fractions: Annotated[
        str, typer.Option(metavar="TRAIN,VAL,TEST", help="Shares of the splits.")
    ] = "0.70,0.15,0.15",
    folds: Annotated[
        int | None,
        typer.Option(help="Cross-validation folds within train and val; 5 unless --update."),
    ] = None,
    splits: Annotated[
        Path | None,
        typer.Option(
            help="CSV image_id,split (and fold) with a fixed split, e.g. another catalogue.csv."
        ),
    ] = None,
    keep_official_test: Annotated[
        bool,
        typer.Option(
            "--keep-official-test",
            help="Keep the official splits, and your own of `folder`; of official test sets all "
            "images, copies, too.",
        ),
    ] = False,
    orientations: Annotated[
        bool,
        typer.Option("--orientations", help="Look for flipped and rotated copies too."),
    ] = False,
    neighbours: Annotated[
        bool,
        typer.Option(
            "--neighbours/--no-neighbours",
            help="Keep photographs with consecutive file numbers together where nothing else "
            "names the patient (sd198).",
        ),
    ] = True,
    unknown: Annotated[
        str | None, typer.Option(help="UNK: count unknown diagnoses as UNK, do not refuse them.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Read data sets, find copies, group lesions and split them without leaks.

    Sources: isic2017, isic2018, isic2019, isic2020, ham10000, derm7pt,
    derm7pt_clinical, ph2, skinl2, mednode, sd198, ras, synthetic, and
    folder (your own images with a CSV that lists them).

    An interrupted build goes on when it is called again.

    Example: skinnet data build --source isic2019=downloads/isic2019 --out runs/c
    """
    import json

    from skinnet_keras.data.building import build_catalogue
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.errors import UserError

    sources = _parse_sources(source or [])
    if update:
        sources = Catalogue.load(out).sources | sources
        for name, folder in sources.items():
            if not folder.is_dir():
                raise UserError(
                    f"{folder} is not a folder: say with --source {name}=DIR where the data set "
                    "lies now."
                )
    report = build_catalogue(
        sources,
        out,
        seed=seed,
        fractions=_parse_fractions(fractions),
        folds=folds,
        unknown=unknown,
        splits=splits,
        keep_official=keep_official_test,
        orientations=orientations,
        neighbours=neighbours,
        update=update,
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
    print_classes(table)

    headings = next(iter(report.sources.values()))
    by_source = new_table(
        "Images by source",
        text=("source",),
        numbers=tuple(heading.replace("_", "\n") for heading in headings),
    )
    for name, counts in report.sources.items():
        by_source.add_row(name, *(f"{count:,}" for count in counts.values()))
    print_table(by_source)

    pairs = new_table("Pairs of copies", text=("sources", "found by"), numbers=("pairs",))
    for cause, by_pair in report.duplicate_pairs.items():
        for names, count in by_pair.items():
            pairs.add_row(names, cause.replace("_", " "), f"{count:,}")
    if pairs.row_count:
        print_table(pairs)

    causes = ", ".join(
        f"{n:,} by {cause.replace('_', ' ')}" for cause, n in report.duplicates.items()
    )
    typer.echo(
        f"{report.rows:,} images, {report.kept:,} kept; copies: {causes}.\n"
        f"Largest group: {report.largest_group} with {report.largest_group_images:,} images."
    )
    if report.reused:
        typer.echo(f"{report.reused:,} images had been read before.", err=True)
    _print_conflicts(report)
    for sentence in (*report.unreadable, *report.masks_left_out):
        typer.echo(f"Left out: {sentence}", err=True)
    for note in report.notes:
        typer.echo(note, err=True)


def _print_conflicts(report: "BuildReport") -> None:
    for conflict in report.label_conflicts[:_CONFLICTS_SHOWN]:
        labels = ", ".join(
            f"{image_id} {label or 'unlabelled'}" for image_id, label in conflict.labels.items()
        )
        typer.echo(f"Copies with different labels: {labels}; {conflict.resolved} it is.", err=True)
    more = len(report.label_conflicts) - _CONFLICTS_SHOWN
    if more > 0:
        typer.echo(f"... and {more:,} more copies with different labels: see build.json.", err=True)
