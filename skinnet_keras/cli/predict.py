"""`skinnet predict`: class probabilities and lesion masks of photographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from skinnet_keras.cli.patient import Age, Sex, Site

if TYPE_CHECKING:
    from skinnet_keras.inference.prediction import ImagePrediction
    from skinnet_keras.inference.runner import Runner


def predict(
    model: Annotated[
        Path,
        typer.Argument(help="A run, a SavedModel directory, a .keras, .tflite or .onnx file."),
    ],
    images: Annotated[
        list[Path], typer.Argument(metavar="IMAGE...", help="JPEG, PNG, BMP or TIFF files.")
    ],
    age: Age = None,
    sex: Sex = None,
    site: Site = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Lesion mask of the image, for a bare classifier that takes one."),
    ] = None,
    overlay: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Write <image>_overlay.png and <image>_mask.png to this folder."
        ),
    ] = None,
    tta: Annotated[
        str, typer.Option(help="Average over views: none, flips (4), dihedral (8) or multi_crop.")
    ] = "none",
    crop: Annotated[
        float | None,
        typer.Option(help="Side of the crops of multi_crop over the image's; 0.875."),
    ] = None,
    mirror: Annotated[
        bool, typer.Option("--mirror", help="With multi_crop: mirror images, too (12 views).")
    ] = False,
    uncalibrated: Annotated[
        bool,
        typer.Option("--uncalibrated", help="Leave out the calibration of `skinnet calibrate`."),
    ] = False,
    top: Annotated[int, typer.Option(min=1, help="Classes to show for each image.")] = 3,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one JSON object instead of the table.")
    ] = False,
) -> None:
    """Predict the diagnosis of photographed lesions with a trained model, in any format.

    Runs and end-to-end exports find the lesion's mask themselves; a
    segmentation network gives the mask only. After `skinnet calibrate` a run
    gives calibrated probabilities, decides by its thresholds, and says where it
    is too uncertain. Open SavedModels only from people you trust: they are
    programs.

    Example: skinnet predict runs/skinnet_v2 mole.jpg --age 45 --sex female --overlay masks
    """
    import json

    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.data.views import view_set

    views = view_set(tta, crop=crop, mirror=mirror)
    import_tensorflow_quietly()
    from skinnet_keras.inference.prediction import predict_images
    from skinnet_keras.inference.runners import open_runner

    if overlay is not None:
        _refuse_equal_stems(images)
    runner = open_runner(model, calibrated=not uncalibrated)
    if len(views) > 1:
        _refuse_classical(model, runner)
    predictions = predict_images(
        runner, images, age=age, sex=sex, site=site, mask=mask, views=views
    )
    if overlay is not None:
        _write_overlays(predictions, overlay, runner, mask)
    if as_json:
        typer.echo(json.dumps(_report(model, runner, predictions, overlay, tta), allow_nan=False))
    else:
        _print_table(predictions, top, runner.mask_threshold)
    typer.echo("For research only: this is not medical advice.", err=True)


def _refuse_equal_stems(images: list[Path]) -> None:
    from skinnet_keras.errors import UserError

    stems: dict[str, Path] = {}
    for image in images:
        other = stems.setdefault(image.stem, image)
        if other is not image:
            raise UserError(
                f"{other} and {image} would write one overlay file: predict them one by one."
            )


def _refuse_classical(model: Path, runner: "Runner") -> None:
    from skinnet_keras.errors import UserError
    from skinnet_keras.inference.classical_runner import ClassicalRunner

    if isinstance(runner, ClassicalRunner):
        raise UserError(
            f"{model} is a classical run, which is not averaged over views: leave out --tta."
        )


def _write_overlays(
    predictions: "list[ImagePrediction]", folder: Path, runner: "Runner", given: Path | None
) -> None:
    from skinnet_keras.errors import UserError
    from skinnet_keras.inference.overlay import enlarge_mask
    from skinnet_keras.inference.photograph_masks import write_pictures
    from skinnet_keras.inference.prediction import read_cleaned

    for prediction in predictions:
        if prediction.mask is None:
            raise UserError("The model makes no mask to draw: leave out --overlay.")
        # The mask lies on the cleaned image: borders may have been cropped.
        rgb, _ = read_cleaned(prediction.image, runner.cleaning, given)
        mask = enlarge_mask(prediction.mask, rgb.shape[:2], runner.mask_threshold)
        write_pictures(folder, prediction.image.stem, rgb, mask)


def _lesion_fraction(prediction: "ImagePrediction", threshold: float) -> float | None:
    return None if prediction.mask is None else float((prediction.mask >= threshold).mean())


def _decision(prediction: "ImagePrediction") -> str:
    return "too uncertain: leave it to a human" if prediction.abstain else prediction.decision or ""


def _report(
    model: Path,
    runner: "Runner",
    predictions: "list[ImagePrediction]",
    overlay: Path | None,
    tta: str,
) -> dict[str, object]:
    images = []
    for prediction in predictions:
        stem = prediction.image.stem
        best = prediction.top(1)
        images.append(
            {
                "image": str(prediction.image),
                "diagnosis": best[0][0] if best else None,
                "decision": prediction.decision,
                "abstain": prediction.abstain,
                "probabilities": prediction.probabilities,
                "lesion_fraction": _lesion_fraction(prediction, runner.mask_threshold),
                "overlay": str(overlay / f"{stem}_overlay.png") if overlay else None,
                "mask": str(overlay / f"{stem}_mask.png") if overlay else None,
            }
        )
    return {
        "model": str(model),
        "format": runner.format,
        "classes": list(runner.classes),
        "tta": tta,
        "images": images,
    }


def _print_table(predictions: "list[ImagePrediction]", top: int, threshold: float) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    calibrated = any(prediction.decision for prediction in predictions)
    table = Table("Image", "Class", "Probability", "Lesion area", *["Decision"] * calibrated)
    for prediction in predictions:
        area = _lesion_fraction(prediction, threshold)
        shown_area = "" if area is None else f"{area:.1%} of the image"
        ranked: list[tuple[str, float | None]] = [*prediction.top(top)] or [("", None)]
        for rank, (name, probability) in enumerate(ranked):
            table.add_row(
                escape(prediction.image.name) if rank == 0 else "",
                name,
                "" if probability is None else f"{probability:.4f}",
                shown_area if rank == 0 else "",
                *[_decision(prediction) if rank == 0 else ""] * calibrated,
                end_section=rank == len(ranked) - 1,
            )
    Console().print(table)
