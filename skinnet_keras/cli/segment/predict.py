"""`skinnet segment predict`: lesion masks of photographs, or of every image of a catalogue."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from skinnet_keras.inference.catalogue_masks import MaskSummary
    from skinnet_keras.inference.photograph_masks import PhotographMask


def predict(
    model: Annotated[
        str,
        typer.Argument(help="A run, a SavedModel directory, a .keras, .tflite or .onnx file."),
    ],
    images: Annotated[
        list[str] | None,
        typer.Argument(metavar="[IMAGE|FOLDER...]", help="Photographs, or folders of them."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Write <image>_mask.png and <image>_overlay.png of photographs to this folder.",
        ),
    ] = None,
    data: Annotated[
        Path | None,
        typer.Option(metavar="CATALOGUE", help="Predict every image of this catalogue instead."),
    ] = None,
    name: Annotated[
        str | None,
        typer.Option(help="Keep the catalogue's masks as CATALOGUE/masks/NAME."),
    ] = None,
    out_of_fold: Annotated[
        bool,
        typer.Option(
            "--out-of-fold",
            help="Train the network anew for each fold, and predict each image with the one that "
            "did not see it or another of its lesion.",
        ),
    ] = False,
    folds: Annotated[
        int | None,
        typer.Option(min=2, help="Folds of --out-of-fold; the catalogue's own by default."),
    ] = None,
    tta: Annotated[
        str, typer.Option(help="Average over views: none, flips (4) or dihedral (8).")
    ] = "none",
    threshold: Annotated[
        float | None,
        typer.Option(
            min=0.001, max=0.999, help="Lesion probability of a lesion pixel; the model's own."
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace masks of that name.")
    ] = False,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Predict lesion masks, of photographs or of all images of a catalogue.

    Photographs that cannot be read are listed, and the exit code is 2; the others are predicted
    all the same. Masks in a catalogue are for classifiers, which take them with
    segmenter.run=RUN segmenter.masks=NAME. Open SavedModels only from people you trust: they are
    programs.

    Example: skinnet segment predict runs/unet photos --out masks --tta flips

    Example: skinnet segment predict runs/unet --data catalogue --name unet

    Example: skinnet segment predict runs/unet --data catalogue --name unet --out-of-fold
    """
    import json

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.errors import UserError
    from skinnet_keras.evaluation.segmentation.tta import TTA

    if bool(images) == bool(data):
        raise UserError("Give photographs and --out DIR, or --data CATALOGUE and --name NAME.")
    if tta not in TTA:
        raise UserError(f"--tta {tta}: choose one of {', '.join(TTA)}.")
    if (out_of_fold and data is None) or (folds is not None and not out_of_fold):
        raise UserError("--out-of-fold goes with --data CATALOGUE, and --folds with --out-of-fold.")
    if data is not None:
        if name is None or out is not None:
            raise UserError("--data CATALOGUE goes with --name NAME and without --out.")
        import_tensorflow_quietly()
        from skinnet_keras.cli.fold_runs import train_segmenter_folds
        from skinnet_keras.data.catalogue import Catalogue
        from skinnet_keras.inference.catalogue_masks import free_masks_folder, predict_catalogue

        catalogue = Catalogue.load(data)
        free_masks_folder(catalogue, name, overwrite=overwrite)  # before hours of training
        summary = predict_catalogue(
            Path(model),
            catalogue,
            name,
            folds=train_segmenter_folds(Path(model), catalogue, folds) if out_of_fold else (),
            threshold=threshold,
            tta=tta,
            overwrite=overwrite,
        )
        if as_json:
            typer.echo(json.dumps(summary.to_dict(), allow_nan=False))
        else:
            _print_summary(summary, name)
        return
    if out is None or name is not None or overwrite:
        raise UserError("Photographs go with --out DIR and without --name and --overwrite.")
    from skinnet_keras.cli.failed_images import exit_for
    from skinnet_keras.inference.model_files import find_model
    from skinnet_keras.inference.photographs import (
        FailedImage,
        find_photographs,
        refuse_equal_stems,
    )

    if any(Path(word).resolve() == out.resolve() for word in images or []):
        raise UserError(
            f"--out {out} is the folder of the photographs: choose another one, or the masks "
            "would be taken for photographs the next time."
        )
    photographs = find_photographs(images or [])
    refuse_equal_stems(photographs.files, "mask")
    for note in photographs.notes:
        typer.echo(note, err=True)
    found = find_model(model)
    failed = list(photographs.failed)
    masks: list[PhotographMask] = []
    if photographs.files:
        import_tensorflow_quietly()
        from skinnet_keras.inference.photograph_masks import predict_photographs
        from skinnet_keras.inference.segmenting import open_segmenter

        runner = open_segmenter(found)
        threshold = runner.mask_threshold if threshold is None else threshold
        for answer in predict_photographs(
            runner, photographs.files, out, threshold=threshold, tta=tta
        ):
            if isinstance(answer, FailedImage):
                failed.append(answer)
            else:
                masks.append(answer)
    if as_json:
        report = {
            "model": model,
            "format": runner.format if photographs.files else found.format,
            "threshold": threshold,
            "tta": tta,
            "images": [mask.to_dict() for mask in masks],
            "failed": [image.to_dict() for image in failed],
        }
        typer.echo(json.dumps(report, allow_nan=False))
    elif masks:
        _print_photographs(masks)
        typer.echo(f"Wrote masks and overlays to {out}", err=True)
    if masks:
        typer.echo("For research only: this is not medical advice.", err=True)
    exit_for(failed, len(masks))


def _print_photographs(masks: "list[PhotographMask]") -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Column, Table

    table = Table("Image", Column("Lesion area", justify="right"))
    for mask in masks:
        table.add_row(escape(mask.image.name), f"{mask.lesion_fraction:.1%}")
    Console().print(table)


def _print_summary(summary: "MaskSummary", name: str) -> None:
    from rich.console import Console
    from rich.table import Column, Table

    facts = Table(show_header=False)
    facts.add_column()
    facts.add_column(justify="right")
    in_sample = "not known" if summary.in_sample is None else f"{summary.in_sample:,}"
    for label, value in (
        ("masks", f"{summary.images:,}"),
        ("of images the network was trained on", in_sample),
        ("mean lesion area", f"{summary.mean_lesion_fraction:.1%}"),
        ("empty masks", f"{summary.empty:,}"),
    ):
        facts.add_row(label, value)
    console = Console()
    console.print(f"{summary.mask_origin} in {summary.folder}", markup=False, soft_wrap=True)
    console.print(facts)
    if summary.splits:
        agreement = Table(
            "Split",
            Column("Images with ground truth", justify="right"),
            Column("Mean Dice", justify="right"),
            Column("Ground truth without lesion (Dice 1 or 0)", justify="right"),
        )
        for split, score in summary.splits.items():
            agreement.add_row(
                split, f"{score.n:,}", f"{score.dice_per_image:.4f}", f"{score.empty_truths:,}"
            )
        console.print(agreement)
    typer.echo(f"Classifiers take them with segmenter.run=RUN segmenter.masks={name}", err=True)
