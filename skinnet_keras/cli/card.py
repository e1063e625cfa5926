"""`skinnet card`: the model card of a run, with the reporting checklists it can answer."""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES


def card(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run of a classifier.")],
    out: Annotated[
        Path | None, typer.Option(help="Folder for MODEL_CARD.md, card.json and subgroups.png.")
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(help="Where the run's catalogue lies now; by default where it was."),
    ] = None,
    split: Annotated[str, typer.Option(help="Which predictions to report: test or val.")] = "test",
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = DEFAULT_RESAMPLES,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of Markdown.")
    ] = False,
) -> None:
    """Write the model card of a run: data, licences, recipe, figures, subgroups, limits.

    The items of CLAIM (2024), CLEAR Derm (2022) and TRIPOD+AI (2024) that the run can answer are
    answered with its figures; the others are listed as open for the authors.

    Example: skinnet card runs/skinnet_v4 --out runs/skinnet_v4/card
    """
    import json

    from skinnet_keras.reporting.card import CARD_FILES, read_card

    composed = read_card(run, split=split, bootstrap=bootstrap, seed=seed, data=data)
    if as_json:
        typer.echo(json.dumps(composed.content, allow_nan=False))
    elif out is None:
        typer.echo(composed.markdown())
    if out is not None:
        from skinnet_keras.locks import own_folder

        with own_folder(out):
            composed.write(out)
        typer.echo(f"Wrote {', '.join(CARD_FILES)} to {out}", err=True)
