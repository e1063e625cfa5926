"""`skinnet predict`: class probabilities and lesion masks of photographs."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from skinnet_keras.cli.patient import Age, Sex, Site

if TYPE_CHECKING:
    from skinnet_keras.inference.model_files import ModelFiles
    from skinnet_keras.inference.prediction import ImagePrediction
    from skinnet_keras.inference.runner import Runner


def predict(
    model: Annotated[
        str,
        typer.Argument(help="A run, a SavedModel directory, a .keras, .tflite or .onnx file."),
    ],
    images: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|FOLDER...", help="JPEG, PNG, BMP or TIFF files, or folders of them."
        ),
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
    is too uncertain. Images that cannot be read are listed, and the exit code is
    2; the others are predicted all the same. Open SavedModels only from people
    you trust: they are programs.

    Example: skinnet predict runs/skinnet_v2 mole.jpg --age 45 --sex female --overlay masks
    """
    import json

    from skinnet_keras.cli.failed_images import exit_for
    from skinnet_keras.cli.quiet import import_tensorflow_quietly
    from skinnet_keras.data.views import view_set
    from skinnet_keras.inference.model_files import find_model
    from skinnet_keras.inference.photographs import (
        FailedImage,
        find_photographs,
        refuse_equal_stems,
    )

    views = view_set(tta, crop=crop, mirror=mirror)
    photographs = find_photographs(images)
    for note in photographs.notes:
        typer.echo(note, err=True)
    if overlay is not None:
        refuse_equal_stems(photographs.files, "overlay")
    found = find_model(model)
    failed = list(photographs.failed)
    rows: list[dict[str, Any]] = []
    runner = None
    if photographs.files:
        if found.needs_tensorflow:
            import_tensorflow_quietly()
        from skinnet_keras.inference.prediction import predict_each
        from skinnet_keras.inference.runners import open_runner

        runner = open_runner(found, calibrated=not uncalibrated)
        if len(views) > 1:
            _refuse_classical(found)
        answers = predict_each(
            runner, photographs.files, age=age, sex=sex, site=site, mask=mask, views=views
        )
        for answer in answers:
            if isinstance(answer, FailedImage):
                failed.append(answer)
                continue
            if overlay is not None:
                _write_overlay(answer, overlay, runner, mask)
            rows.append(_row(answer, overlay, runner.mask_threshold))
    if as_json:
        report = {
            "model": model,
            "format": runner.format if runner else found.format,
            "classes": list(runner.classes) if runner else [],
            "tta": tta,
            "images": rows,
            "failed": [image.to_dict() for image in failed],
        }
        typer.echo(json.dumps(report, allow_nan=False))
    elif rows:
        _print_table(rows, top)
    if rows:
        typer.echo("For research only: this is not medical advice.", err=True)
    exit_for(failed, len(rows))


def _refuse_classical(found: "ModelFiles") -> None:
    from skinnet_keras.errors import UserError
    from skinnet_keras.runs.run import Run

    if found.format == "run" and Run.open(found.path).config.classical:
        raise UserError(
            f"{found.path} is a classical run, which is not averaged over views: leave out --tta."
        )


def _write_overlay(
    prediction: "ImagePrediction", folder: Path, runner: "Runner", given: Path | None
) -> None:
    from skinnet_keras.errors import UserError
    from skinnet_keras.inference.overlay import enlarge_mask
    from skinnet_keras.inference.photograph_masks import write_pictures
    from skinnet_keras.inference.prediction import read_cleaned

    if prediction.mask is None:
        raise UserError("The model makes no mask to draw: leave out --overlay.")
    # The mask lies on the cleaned image: borders may have been cropped.
    rgb, _ = read_cleaned(prediction.image, runner.cleaning, given)
    mask = enlarge_mask(prediction.mask, rgb.shape[:2], runner.mask_threshold)
    write_pictures(folder, prediction.image.stem, rgb, mask)


def _row(
    prediction: "ImagePrediction", overlay: Path | None, mask_threshold: float
) -> dict[str, Any]:
    """What is kept of a prediction: its mask is not, for there may be thousands."""
    stem = prediction.image.stem
    best, mask = prediction.top(1), prediction.mask
    return {
        "image": str(prediction.image),
        "diagnosis": best[0][0] if best else None,
        "decision": prediction.decision,
        "abstain": prediction.abstain,
        "probabilities": prediction.probabilities,
        "lesion_fraction": None if mask is None else float((mask >= mask_threshold).mean()),
        "overlay": str(overlay / f"{stem}_overlay.png") if overlay else None,
        "mask": str(overlay / f"{stem}_mask.png") if overlay else None,
    }


def _print_table(rows: list[dict[str, Any]], top: int) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    decides = any(row["decision"] is not None or row["abstain"] is not None for row in rows)
    table = Table("Image", "Class", "Probability", "Lesion area", *["Decision"] * decides)
    for row in rows:
        area = row["lesion_fraction"]
        first = [escape(Path(row["image"]).name)]
        last = ["" if area is None else f"{area:.1%} of the image", *[_decision(row)] * decides]
        ranked = sorted((row["probabilities"] or {}).items(), key=lambda item: -item[1])[:top]
        for name, probability in ranked or [("", None)]:
            shown = "" if probability is None else f"{probability:.4f}"
            table.add_row(*first, name, shown, *last)
            first, last = [""], [""] * len(last)
        table.add_section()
    Console().print(table)


def _decision(row: dict[str, Any]) -> str:
    return "too uncertain: leave it to a human" if row["abstain"] else row["decision"] or ""
