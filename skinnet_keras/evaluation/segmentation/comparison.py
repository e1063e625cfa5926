"""Segmentation networks side by side: scores on the same images, their differences, cost."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from rich.console import Console

from skinnet_keras.atomic import atomic_file
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.bootstrap import percentile_interval, resampled_ratios
from skinnet_keras.evaluation.segmentation.comparison_plot import plot_comparison
from skinnet_keras.evaluation.segmentation.report import METRICS, summarise
from skinnet_keras.evaluation.segmentation.tables import comparison_table
from skinnet_keras.evaluation.table import Table

SPEEDS = (
    "train_images_per_second",
    "keras_ms",
    "keras_ms_min",
    "tflite_ms",
    "tflite_ms_min",
    "tflite_bytes",
    "tflite_refused",
)
"""What of a measured speed goes into a row; the rest is the same for all rows."""


@dataclass(frozen=True)
class ComparedRun:
    """A trained segmentation network and its scores.

    Attributes:
        name: What the table calls it.
        network: Name of the network.
        arguments: Arguments of its builder that are not the default.
        image_size: Side of its images in pixels.
        epochs: Epochs it was trained for.
        parameters: Trainable parameters, auxiliary outputs included.
        macs: Multiply-accumulates of one prediction.
        scores: A row an image, as `segmentation_report.score_images` returns them.
        speed: As `SegmenterSpeed.to_dict` gives it; None where it was not measured.
    """

    name: str
    network: str
    arguments: Mapping[str, Any]
    image_size: int
    epochs: int
    parameters: int
    macs: int
    scores: pd.DataFrame
    speed: Mapping[str, Any] | None = None


def compare_segmenters(
    runs: Sequence[ComparedRun],
    *,
    split: str,
    scored_at: str = "network size",
    reference: str | None = None,
    bootstrap: int = 2000,
    seed: int = 0,
) -> dict[str, Any]:
    """Compare runs on the same images.

    Differences are paired: both runs are scored on the same resampled groups, so what makes an
    image hard for both does not widen the interval.

    Args:
        runs: At least one; their names differ.
        split: The split their images are of.
        scored_at: "network size", or "original size" of the photographs.
        reference: Name of the run the others are compared with; None for the first.
        bootstrap: Resamples of groups (lesions) behind the 95 % intervals; 0 for none.
        seed: Their seed.

    Returns:
        `split`, `scored_at`, `reference`, `n` (images), `empty_truths` (`image_id`s whose ground
        truth has no lesion pixel), `bootstrap`; `measured`: image and batch
        size, threads and machine of the speeds, None without them; `runs`: for each run
        `name, network, arguments, image_size, epochs, parameters, macs`, the metrics of
        `segmentation_report.METRICS` and their intervals `<metric>_ci` ([low, high] or None),
        `dice_difference` and `dice_difference_ci` (Dice per image less the reference's; None for
        itself), and `SPEEDS` (None where not measured).

    Raises:
        UserError: The runs were not scored on the same images, or none has the reference's name.
    """
    names = [run.name for run in runs]
    reference = names[0] if reference is None else reference
    if reference not in names:
        raise UserError(f"the reference {reference} is none of the runs {', '.join(names)}.")
    scores = {run.name: run.scores.sort_values("image_id") for run in runs}
    _check_images(scores)
    rows = []
    for run in runs:
        summary = summarise(scores[run.name], bootstrap=bootstrap, seed=seed)
        row: dict[str, Any] = {
            "name": run.name,
            "network": run.network,
            "arguments": dict(run.arguments),
            "image_size": run.image_size,
            "epochs": run.epochs,
            "parameters": run.parameters,
            "macs": run.macs,
        }
        for metric in METRICS:
            row[metric] = summary[metric]
            row[f"{metric}_ci"] = summary["ci"].get(metric)
        row |= dict.fromkeys(("dice_difference", "dice_difference_ci"))
        if run.name != reference:
            row |= _difference(scores[run.name], scores[reference], bootstrap, seed)
        row |= {key: run.speed[key] if run.speed else None for key in SPEEDS}
        rows.append(row)
    return {
        "split": split,
        "scored_at": scored_at,
        "reference": reference,
        "n": len(scores[reference]),
        "empty_truths": _empty_truths(scores[reference]),
        "bootstrap": bootstrap,
        "measured": _conditions(runs),
        "runs": rows,
    }


def write_comparison(folder: Path, comparison: Mapping[str, Any]) -> list[str]:
    """Write `comparison.csv`, `comparison.json`, `comparison.txt` and `comparison.png`.

    Args:
        folder: Created if absent; files of the same names are replaced.
        comparison: As `compare_segmenters` returns it.

    Returns:
        Names of the files written.
    """
    rows = [_flat(row) for row in comparison["runs"]]
    with (
        atomic_file(folder / "comparison.csv") as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    texts = {
        "comparison.json": json.dumps(comparison, indent=2) + "\n",
        "comparison.txt": _as_text(comparison_table(comparison)),
    }
    for name, text in texts.items():
        with atomic_file(folder / name) as temporary:
            temporary.write_text(text, encoding="utf-8")
    plot_comparison(comparison, folder / "comparison.png")
    return ["comparison.csv", *texts, "comparison.png"]


def _as_text(table: Table) -> str:
    text = io.StringIO()
    table.print(Console(file=text))
    return text.getvalue()


def _check_images(scores: Mapping[str, pd.DataFrame]) -> None:
    (first, expected), *others = ((name, set(rows["image_id"])) for name, rows in scores.items())
    for name, images in others:
        differing = len(expected ^ images)
        if differing:
            raise UserError(
                f"{first} and {name} were not scored on the same images: {differing} of them are "
                "only in one of the two; compare runs that were trained on one catalogue."
            )


def _empty_truths(scores: pd.DataFrame) -> list[str]:
    return scores.loc[scores["true_pixels"] == 0, "image_id"].tolist()


def _difference(
    scores: pd.DataFrame, reference: pd.DataFrame, bootstrap: int, seed: int
) -> dict[str, Any]:
    """Mean difference of Dice over images, and its paired interval."""
    difference = scores["dice"].to_numpy() - reference["dice"].to_numpy()
    interval = None
    if bootstrap:
        resampled = resampled_ratios(
            difference,
            np.ones(len(difference)),
            list(reference["group"]),
            resamples=bootstrap,
            seed=seed,
        )
        interval = percentile_interval(resampled)
    return {
        "dice_difference": float(difference.mean()),
        "dice_difference_ci": None if interval is None else list(interval),
    }


def _conditions(runs: Sequence[ComparedRun]) -> dict[str, Any] | None:
    """What the speeds of all runs have in common."""
    for run in runs:
        if run.speed:
            return {key: run.speed[key] for key in ("batch_size", "threads", "machine")}
    return None


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """A row for CSV: an interval becomes two columns, arguments become JSON."""
    flat: dict[str, Any] = {}
    for key, value in row.items():
        if key.endswith("_ci"):
            name = key.removesuffix("_ci")
            flat[f"{name}_low"], flat[f"{name}_high"] = value or (None, None)
        else:
            flat[key] = json.dumps(value) if key == "arguments" else value
    return flat
