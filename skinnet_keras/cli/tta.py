"""`skinnet tta`: a run's predictions as means over views of every image."""

from pathlib import Path
from typing import Annotated

import typer

from skinnet_keras.evaluation.resamples import DEFAULT_RESAMPLES


def tta(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A finished run with a classifier.")],
    out: Annotated[Path, typer.Option(help="Folder for the predictions, which is then a run.")],
    data: Annotated[
        Path | None,
        typer.Option(help="Where the run's catalogue lies now; by default where it was."),
    ] = None,
    views: Annotated[
        str,
        typer.Option(
            help="none, flips (4 views), dihedral (8: mirrored and turned) or multi_crop (6: "
            "the whole, centre, corners)."
        ),
    ] = "dihedral",
    crop: Annotated[
        float | None,
        typer.Option(help="Side of the crops of multi_crop over the image's; 0.875."),
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="With multi_crop: mirror images, too (12 views).")
    ] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace earlier test-time augmentation in --out.")
    ] = False,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = DEFAULT_RESAMPLES,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the tables.")
    ] = False,
) -> None:
    """Test-time augmentation: predict views of every image and average the probabilities.

    Validation and test images of the run are predicted again, each view with the mask that
    belongs to it. Tables compare the result with the run on the same images.

    --out is a run to `skinnet evaluate`, `compare`, `ensemble`, `calibrate`, `subgroups`, `report`
    and `card`. It holds no network: single images go through `skinnet predict RUN IMAGE --tta`.

    Example: skinnet tta runs/skinnet_v4 --views dihedral --out runs/skinnet_v4_dihedral
    """
    import json

    from rich.console import Console

    from skinnet_keras.atomic import atomic_directory
    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.data.views import view_set
    from skinnet_keras.evaluation.report import write_tables
    from skinnet_keras.tta.checks import check_output, check_source

    chosen = view_set(views, crop=crop, mirror=mirror)
    source = check_source(run, data=data)
    check_output(out, run, overwrite=overwrite)
    source.load_catalogue()  # before TensorFlow is imported
    import_tensorflow_quietly()
    from skinnet_keras.tta.comparison import compare_with_run
    from skinnet_keras.tta.folder import write_view_averages
    from skinnet_keras.tta.run import EvaluatedRun

    evaluated = EvaluatedRun.open(run, data=data)
    with atomic_directory(out, replace=overwrite) as folder:
        content, written = write_view_averages(folder, evaluated, views, chosen)
        result, tables = compare_with_run(
            evaluated.stored, written, _names(run, out), content, bootstrap=bootstrap, seed=seed
        )
        write_tables(folder, tables)
    for split, facts in content["splits"].items():
        if facts["deviation_from_stored"] > 1e-3:
            typer.echo(
                f"Warning: of the {split} images as they are the network now gives other "
                f"probabilities than {run} stored (by up to {facts['deviation_from_stored']:.2g}): "
                "weights, masks, packages or the accelerator are not those of then, and the "
                "difference is not the views' alone.",
                err=True,
            )
    if as_json:
        typer.echo(json.dumps({"out": str(out), **content, **result}, allow_nan=False))
    else:
        console = Console()
        for table in tables.values():
            table.print(console)
    typer.echo(f"Wrote the predictions over {len(chosen)} views to {out}", err=True)


def _names(run: Path, out: Path) -> tuple[str, str]:
    first, second = run.resolve().name, out.resolve().name
    return first, str(out) if first == second else second
