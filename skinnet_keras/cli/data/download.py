"""`skinnet data download`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skinnet_keras.cli.data.output import JSON_HELP

if TYPE_CHECKING:
    from skinnet_keras.data.citations import DataSet
    from skinnet_keras.data.download import Plan


def download(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A data set, e.g. isic2019.")],
    out: Annotated[Path, typer.Option(help="Folder for all data sets.")] = Path("downloads"),
    part: Annotated[
        list[str] | None,
        typer.Option(help="A part, e.g. test; repeat for more. Without it, what its reader needs."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask before fetching.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what is missing.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Fetch a data set from its official place, or say how to get it.

    An interrupted download goes on where it stopped; files are checked and unpacked.

    PH2, derm7pt, SD-198 and SKINL2 have to be asked for: their steps are printed.

    Example: skinnet data download mednode --out downloads
    """
    import json

    from skinnet_keras.data.citations import data_set_named
    from skinnet_keras.data.download import plan_download, run_download

    data_set = data_set_named(name)
    licence = " ".join(filter(None, (data_set.licence.name, data_set.licence.url)))
    result: dict[str, object] = {"data_set": data_set.name, "licence": licence}
    _tell(f"{data_set.title}\nLicence: {licence}\nIn short: {data_set.licence.model}.")
    if not data_set.files:
        if as_json:
            typer.echo(json.dumps({**result, "steps": data_set.steps}))
        else:
            for number, step in enumerate(data_set.steps, 1):
                typer.echo(f"{number}. {step}")
        return

    plan = plan_download(data_set, out, part or ())
    if not dry_run and plan.missing:
        _ask(data_set, plan, yes)
    try:
        fetched = None if dry_run else run_download(plan)
    except KeyboardInterrupt:
        _tell(f"Stopped; what came is kept in {plan.folder}: run the same command again to go on.")
        raise typer.Exit(130) from None
    if as_json:
        result |= {"folder": str(plan.folder), "present": [file.name for file in plan.present]}
        if fetched is None:
            missing = [
                {"name": file.name, "url": file.urls[0], "bytes": file.size}
                for file in plan.missing
            ]
            result |= {"missing": missing}
        else:
            result |= {"fetched": fetched.fetched, "pinned": fetched.pinned}
        typer.echo(json.dumps(result))
    elif fetched is None:
        _print_plan(plan)
    else:
        for file, checksum in fetched.pinned.items():
            _tell(f"{file} has {checksum}: pinned in {plan.folder / 'checksums.txt'}.")
        _tell(f"Next: skinnet data build --source {data_set.name}={plan.folder} --out catalogue")
        typer.echo(str(plan.folder))


def _ask(data_set: "DataSet", plan: "Plan", yes: bool) -> None:
    import sys

    from skinnet_keras.errors import UserError

    _tell(f"To fetch: {_count(plan)}, {_size(plan)}, into {plan.folder}.")
    if yes:
        return
    if not sys.stdin.isatty():
        raise UserError(
            f"No terminal to ask at: say --yes to accept {data_set.name}'s licence and fetch it."
        )
    if not typer.confirm("Do you accept the licence and fetch them?", err=True):
        raise typer.Exit(0)


def _print_plan(plan: "Plan") -> None:
    from rich.filesize import decimal

    for file in plan.missing:
        typer.echo(f"{file.urls[0]}  {decimal(file.size) if file.size else 'size unknown'}")
    size = f", {_size(plan)}" if plan.missing else ""
    _tell(f"Missing: {_count(plan)}{size}; already there: {len(plan.present)}.")


def _count(plan: "Plan") -> str:
    return "1 file" if len(plan.missing) == 1 else f"{len(plan.missing)} files"


def _size(plan: "Plan") -> str:
    from rich.filesize import decimal

    if not plan.size:
        return "of unknown size"
    more = " and more" if any(file.size is None for file in plan.missing) else ""
    return f"about {decimal(plan.size)}{more}"


def _tell(sentence: str) -> None:
    typer.echo(sentence, err=True)
