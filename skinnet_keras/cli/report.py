"""`skinnet report`: one self-contained HTML page about a run, or about several."""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES


def report(
    sources: Annotated[
        list[Path],
        typer.Argument(metavar="RUN|PREDICTIONS.csv...", help="One to report, several to compare."),
    ],
    data: Annotated[
        Path | None,
        typer.Option(help="Where the run's catalogue lies now; by default where it was."),
    ] = None,
    split: Annotated[str, typer.Option(help="Which predictions of a run: test or val.")] = "test",
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="HTML page to write; for one run report.html in the run."
        ),
    ] = None,
    pictures: Annotated[
        int,
        typer.Option(min=0, help="Pictures in each gallery of mistakes; 0 = no photographs."),
    ] = 48,
    explanations: Annotated[
        Path | None,
        typer.Option(help="Folder that `skinnet explain` wrote; explanations in the run."),
    ] = None,
    ood: Annotated[
        Path | None, typer.Option(help="File that `skinnet ood` wrote; ood.json in the run.")
    ] = None,
    costs: Annotated[
        str,
        typer.Option(help="Costs of mistakes: a YAML file, or the name of one in configs/costs."),
    ] = "costs/melanoma_first",
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = DEFAULT_RESAMPLES,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of a sentence.")
    ] = False,
) -> None:
    """Write tables, plots, mistakes, data and environment into one page that opens anywhere.

    The page needs no network and no other file. It holds photographs of the data set unless
    --pictures 0: mind its licence before you pass the page on. What `skinnet explain` and `skinnet
    ood` left in the run is part of it, if it is of the weights that lie there.

    Example: skinnet report runs/skinnet_v4
    """
    import json

    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.decisions.costs import read_costs
    from skinnet_keras.presets import find_costs
    from skinnet_keras.reporting.page import write_page
    from skinnet_keras.reporting.report import read_subjects, render_comparison, render_report

    if out is None:
        if len(sources) > 1 or sources[0].is_file():
            raise UserError("say with --out where the page is to be written.")
        out = sources[0] / "report" / "report.html"
    if len(sources) > 1 and (explanations is not None or ood is not None):
        raise UserError("--explanations and --ood go with the page of one run.")
    if len(sources) > 1 and data is not None:
        raise UserError("--data goes with the page of one run: a comparison reads no catalogue.")
    subjects = read_subjects(sources, split=split, bootstrap=bootstrap, seed=seed, data=data)
    if len(subjects) == 1:
        html = render_report(
            subjects[0],
            read_costs(find_costs(costs)),
            split=split,
            pictures=pictures,
            bootstrap=bootstrap,
            seed=seed,
            explanations=explanations,
            ood=ood,
        )
    else:
        html = render_comparison(subjects, split=split, bootstrap=bootstrap, seed=seed)
    write_page(out, html)
    size = out.stat().st_size
    if as_json:
        typer.echo(json.dumps({"page": str(out), "bytes": size}))
    else:
        typer.echo(f"Wrote {out} ({size / 1e6:.1f} MB)")
