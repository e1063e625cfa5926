"""The demo: generated lesions in, a TFLite file that predicts out, in minutes on two cores."""

from __future__ import annotations

import json
import shutil
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from skinnet_keras.cli.concurrent_runs import train_concurrently
from skinnet_keras.cli.training import train_from_config
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.synthetic import write_synthetic
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation import plots, tables
from skinnet_keras.evaluation.confusion import confusion_matrix
from skinnet_keras.evaluation.metrics import evaluate_predictions
from skinnet_keras.evaluation.predictions import read_predictions
from skinnet_keras.evaluation.report import write_report, write_tables
from skinnet_keras.export.bundle import export_run
from skinnet_keras.inference.prediction import predict_images
from skinnet_keras.inference.runners import open_runner
from skinnet_keras.locks import own_name
from skinnet_keras.models import SKINNETS
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.runs.run import Run

LESIONS = 800
IMAGE_SIZE = 96
SEED = 7
_MARKER = "THIS_IS_A_SKINNET_DEMO"
_SEGMENTER_ONLY = ["name=segmentation", "model=null", "stages.cnn=null", "stages.head=null"]


def run_demo(out: Path, classes: int = 8) -> None:
    """Generate lesions, build the catalogue, train everything, print tables, export, predict.

    Args:
        out: Folder for data, runs, plots and exports. An earlier demo there is replaced.
        classes: 8, or 9 for those and UNK.

    Raises:
        UserError: `out` holds something that is no demo, or another demo is running there, or
            `classes` is another number.
    """
    if classes not in (8, 9):
        raise UserError(f"--classes {classes}: choose 8, or 9 with UNK.")
    started = time.monotonic()
    console = Console()
    with own_name(out):
        _demonstrate(out, classes, console)
    minutes = (time.monotonic() - started) / 60
    console.print(f"Everything is in {out}; the demo took {minutes:.1f} minutes.")


def _demonstrate(out: Path, classes: int, console: Console) -> None:
    _empty(out)
    console.rule("1. Generated lesions and their catalogue")
    images = write_synthetic(
        out / "lesions", lesions=LESIONS, image_size=IMAGE_SIZE, seed=SEED, classes=classes
    )
    build_catalogue({"synthetic": out / "lesions"}, out / "catalogue", seed=SEED)
    catalogue = Catalogue.load(out / "catalogue")
    console.print(f"{images} images of {LESIONS} lesions; no lesion is in two splits.")

    console.rule("2. Segmentation network")
    segmentation = out / "segmentation"
    train_from_config("demo", catalogue.root, segmentation, _SEGMENTER_ONLY, show=True)

    console.rule("3. SkinNet-v1 to v4, two at a time")
    train_concurrently(
        (
            out / f"skinnet_{variant}",
            [
                *("--config", "demo", "--data", str(catalogue.root)),
                *(f"name=skinnet_{variant}", f"model.variant={variant}"),
                f"num_classes={classes}",
                *("stages.segmentation=null", f"segmenter.run={segmentation.resolve()}"),
            ],
        )
        # The longest first.
        for variant in reversed(SKINNETS)
    )
    metrics = {}
    for variant in SKINNETS:
        run = out / f"skinnet_{variant}"
        metrics[variant] = json.loads((run / "metrics.json").read_text(encoding="utf-8"))
        _report(run)
    _print_comparison(console, out, metrics)
    _overlays(catalogue, out)

    console.rule("4. Export, and one prediction by the TFLite file")
    best = max(SKINNETS, key=lambda v: metrics[v]["classification"]["val"]["balanced_accuracy"])
    report = export_run(
        out / f"skinnet_{best}",
        out / "exported",
        formats=["tflite"],
        precisions=["float32"],
    )
    _predict(console, catalogue, report.directory / f"{report.name}_end_to_end_float32.tflite")


def _empty(out: Path) -> None:
    """Remove an earlier demo, and nothing else; leave a folder marked as a demo's."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if not (out / _MARKER).is_file():
            raise UserError(f"{out} exists and is no earlier demo: choose another --out.")
        shutil.rmtree(out)
    out.mkdir(parents=True, exist_ok=True)
    (out / _MARKER).write_text("skinnet demo may delete this folder.\n", encoding="utf-8")


def _report(run: Path) -> None:
    """Tables and plots of a run's test split into its `report/`."""
    scored = read_predictions(run / "predictions_test.csv").scored()
    report = evaluate_predictions(scored)
    predicted = scored.probabilities.argmax(axis=1)
    matrix = confusion_matrix(scored.true_indices(), predicted, len(scored.classes))
    shown = {"per_class": tables.per_class(report, run.name)}
    write_report(run / "report", report, shown, scored, matrix, run.name, run)


def _print_comparison(console: Console, out: Path, metrics: dict[str, dict[str, Any]]) -> None:
    reports = {
        f"SkinNet-{variant}": figures["classification"]["test"]
        for variant, figures in metrics.items()
    }
    for name, report in reports.items():
        tables.per_class(report, f"{name}, test").print(console)
    table = tables.comparison(reports)
    table.print(console)
    write_tables(out / "comparison", {"comparison": table})
    classes = next(iter(reports.values()))["per_class"].values()
    majority = 1 / sum(row["support"] > 0 for row in classes)
    console.print(f"Always answering the largest class: balanced accuracy {majority:.4f}")


def _overlays(catalogue: Catalogue, out: Path) -> None:
    """A sheet of test images with the predicted and the true outline."""
    rows = catalogue.usable(["test"]).groupby("label").head(2).sort_values("label")
    ids = list(rows["image_id"])
    predicted = PredictedMasks.open(out / "skinnet_v2")
    config = Run.open(out / "skinnet_v2").config
    cache = open_cache(catalogue, config.image_size, cleaning=config.cleaning)
    index = cache.rows(ids)
    plots.plot_mask_overlays(
        list(cache.images[index]),
        list(predicted.of(ids)),
        out / "masks.png",
        true=list(cache.masks[index]),
        captions=list(rows["label"]),
    )


def _predict(console: Console, catalogue: Catalogue, model: Path) -> None:
    row = catalogue.usable(["test"]).iloc[0]
    path = catalogue.image_path(row["image_id"])
    age = float(row["age"]) if row["age"] else None
    runner = open_runner(model)
    prediction = predict_images(
        runner, [path], age=age, sex=row["sex"] or None, site=row["site"] or None
    )[0]
    shown = ", ".join(f"{name} {value:.3f}" for name, value in prediction.top(3))
    console.print(f"{model.name}: {path.name} (truth {row['label']}): {shown}")
