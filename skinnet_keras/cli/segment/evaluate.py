"""`skinnet segment evaluate`: Dice, IoU and boundaries of a trained segmentation network."""

from pathlib import Path
from typing import Annotated

import typer


def evaluate(
    model: Annotated[
        Path,
        typer.Argument(help="A run, a SavedModel directory, a .keras, .tflite or .onnx file."),
    ],
    data: Annotated[
        Path | None, typer.Option(help="Catalogue folder with masks; a run's own by default.")
    ] = None,
    split: Annotated[str, typer.Option(help="train, val or test.")] = "test",
    tta: Annotated[
        str, typer.Option(help="Average over views: none, flips (4) or dihedral (8).")
    ] = "none",
    threshold: Annotated[
        float | None,
        typer.Option(min=0.001, max=0.999, help="Lesion probability of a lesion pixel."),
    ] = None,
    original_size: Annotated[
        bool,
        typer.Option("--original-size", help="Score at each photograph's size, not the network's."),
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(help="Folder for metrics.json, images.csv, the overlays and the worst 16."),
    ] = None,
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples of lesions behind the 95 % intervals; 0 = none.")
    ] = 2000,
    seed: Annotated[int, typer.Option(help="Seed of the bootstrap.")] = 0,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Score the masks of a split against the ground truth, with intervals over lesions.

    Example: skinnet segment evaluate runs/unet --split val --tta dihedral --out runs/unet/report
    """
    import json

    from rich.console import Console

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.segmentation.tta import TTA

    if split not in ("train", "val", "test"):
        raise UserError(f"--split {split}: choose train, val or test.")
    if tta not in TTA:
        raise UserError(f"--tta {tta}: choose one of {', '.join(TTA)}.")
    import_tensorflow_quietly()
    from skinnet_keras.data.catalogue import Catalogue
    from skinnet_keras.evaluation.segmentation import report as reports
    from skinnet_keras.export.segmentation_scoring import score_on_catalogue
    from skinnet_keras.inference.segmenting import open_segmenter
    from skinnet_keras.locks import own_folder
    from skinnet_keras.runs.run import Run, is_run

    runner = open_segmenter(model, data=data)
    if data is not None:
        catalogue = Catalogue.load(data)
    elif is_run(model):
        catalogue = Run.open(model).load_catalogue()
    else:
        raise UserError(f"{model} is no run that names its data: give --data CATALOGUE.")
    result = score_on_catalogue(
        runner, catalogue, split, tta=tta, threshold=threshold, original_size=original_size
    )
    report = {
        "model": str(model),
        "split": split,
        "image_size": runner.image_size,
        "scored_at": "original size" if original_size else "network size",
        "threshold": runner.mask_threshold if threshold is None else threshold,
        "tta": tta,
        **reports.summarise(result.scores, bootstrap=bootstrap, seed=seed),
    }
    name = f"{model.resolve().name} ({split})"
    if as_json:
        typer.echo(json.dumps(report))
    else:
        reports.summary_table(report, name).print(Console())
    if out is not None:
        with own_folder(out):
            written = reports.write_segmentation_report(
                out, report, result.scores, name, result.images, result.predicted, result.true
            )
        typer.echo(f"Wrote {', '.join(written)} to {out}", err=True)
