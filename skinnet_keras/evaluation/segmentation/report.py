"""What a segmentation network is worth: a row an image, summaries with intervals, two sheets."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from skinnet_keras.atomic import atomic_file
from skinnet_keras.data.mask_facts import named
from skinnet_keras.evaluation.bootstrap import percentile_interval, resampled_ratios
from skinnet_keras.evaluation.plots import plot_mask_overlays
from skinnet_keras.evaluation.segmentation.boundaries import boundary_f1, hausdorff_95
from skinnet_keras.evaluation.segmentation.overlap import dice_per_image, iou_per_image
from skinnet_keras.evaluation.table import Table

Pictures = Sequence[np.ndarray] | np.ndarray
"""N images or masks, as a list (sizes may differ) or as one array."""

METRICS = {
    "dice_per_image": "Dice, mean over images",
    "iou_per_image": "IoU, mean over images",
    "dice_pooled": "Dice, all pixels together",
    "iou_pooled": "IoU, all pixels together",
    "hausdorff_95": "Hausdorff 95 %, pixels, mean",
    "boundary_f1": "Boundary F1, mean",
}
"""Name in JSON and CSV -> heading."""

WORST = 16
_OVERLAYS = 16


def score_images(
    image_ids: Sequence[str],
    groups: Sequence[str],
    predicted: Pictures,
    true: Pictures,
) -> pd.DataFrame:
    """Score every image.

    Args:
        image_ids: N names.
        groups: Their groups (lesions).
        predicted: N masks, {0, 1} (H, W); sizes may differ between images.
        true: N ground-truth masks of the same sizes.

    Returns:
        A row an image: `image_id, group, dice, iou, hausdorff_95, boundary_f1` and the pixel
        counts `intersection, predicted_pixels, true_pixels, pixels`. An image whose two masks are
        empty scores 1 (distance 0), one with only one empty mask 0 (distance: the image's
        diagonal).
    """
    rows = []
    for image_id, group, one, other in zip(image_ids, groups, predicted, true, strict=True):
        pair = one[None].astype(bool), other[None].astype(bool)
        rows.append(
            {
                "image_id": image_id,
                "group": group,
                "dice": dice_per_image(*pair)[0],
                "iou": iou_per_image(*pair)[0],
                "hausdorff_95": hausdorff_95(*pair)[0],
                "boundary_f1": boundary_f1(*pair)[0],
                "intersection": int((pair[0] & pair[1]).sum()),
                "predicted_pixels": int(pair[0].sum()),
                "true_pixels": int(pair[1].sum()),
                "pixels": pair[1].size,
            }
        )
    return pd.DataFrame(rows)


def ratios(scores: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    """Numerators and denominators, each float (N, 6), whose sums' ratios are `METRICS`."""
    both, ones = scores["intersection"].to_numpy(float), np.ones(len(scores))
    sizes = (scores["predicted_pixels"] + scores["true_pixels"]).to_numpy(float)
    columns = {
        "dice_per_image": (scores["dice"], ones),
        "iou_per_image": (scores["iou"], ones),
        "dice_pooled": (2 * both, sizes),
        "iou_pooled": (both, sizes - both),
        "hausdorff_95": (scores["hausdorff_95"], ones),
        "boundary_f1": (scores["boundary_f1"], ones),
    }
    above, below = zip(*(columns[name] for name in METRICS), strict=True)
    return np.column_stack(above), np.column_stack(below)


def summarise(scores: pd.DataFrame, *, bootstrap: int = 2000, seed: int = 0) -> dict[str, Any]:
    """Means, pooled scores and their intervals.

    Args:
        scores: As `score_images` returns them, at least one row.
        bootstrap: Resamples of groups (lesions) behind the 95 % intervals; 0 for none.
        seed: Their seed.

    Returns:
        `n`, every name of `METRICS` (the pooled ones None where all masks are empty),
        `empty_predictions`, `ci`: name -> [low, high], and of the ground truth `empty_truths` and
        `full_truths` (`image_id`s of masks with no lesion pixel, and with no other) and
        `with_lesion`: `n`, `dice_per_image` and `iou_per_image` of the images whose ground truth
        is not empty (the scores None where there is none).
    """
    above, below = ratios(scores)
    report: dict[str, Any] = {"n": len(scores)}
    report |= {
        name: float(total / count) if count else None
        for name, total, count in zip(METRICS, above.sum(axis=0), below.sum(axis=0), strict=True)
    }
    report["empty_predictions"] = int((scores["predicted_pixels"] == 0).sum())
    true, ids = scores["true_pixels"], scores["image_id"]
    report["empty_truths"] = ids[true == 0].tolist()
    report["full_truths"] = ids[true == scores["pixels"]].tolist()
    some = scores[true > 0]
    report["with_lesion"] = {
        "n": len(some),
        "dice_per_image": float(some["dice"].mean()) if len(some) else None,
        "iou_per_image": float(some["iou"].mean()) if len(some) else None,
    }
    report["ci"] = {}
    if bootstrap:
        with np.errstate(invalid="ignore"):  # 0 / 0 where a resample has only empty masks
            resampled = resampled_ratios(
                above, below, list(scores["group"]), resamples=bootstrap, seed=seed
            )
        for name, column in zip(METRICS, resampled.T, strict=True):
            interval = percentile_interval(column)
            report["ci"][name] = None if interval is None else list(interval)
    return report


def summary_table(report: dict[str, Any], name: str) -> Table:
    """The summary for the terminal.

    Args:
        report: As `summarise` returns it.
        name: What was scored, for the title.
    """
    rows = []
    for metric, heading in METRICS.items():
        value, interval = report[metric], report["ci"].get(metric)
        rows.append(
            (
                heading,
                "-" if value is None else f"{value:.4f}",
                "-" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}",
            )
        )
    empty = report["empty_predictions"]
    return Table(
        title=f"Segmentation: {name} (n = {report['n']})",
        headings=("Metric", "Value", "95 % interval"),
        rows=tuple(rows),
        footnotes=(
            "Intervals: bootstrap over groups (lesions).",
            *([f"{empty} images have no lesion pixel in their prediction."] if empty else []),
            *truth_notes(report),
        ),
    )


def truth_notes(report: Mapping[str, Any]) -> list[str]:
    """Say where scores rest on ground-truth masks that are empty or full.

    Args:
        report: As `summarise` returns it.
    """
    notes = []
    if empty := report["empty_truths"]:
        rest = report["with_lesion"]
        without = (
            f"Dice {rest['dice_per_image']:.4f}, IoU {rest['iou_per_image']:.4f} without them "
            f"(n = {rest['n']})"
            if rest["n"]
            else "there are no others, so these scores say nothing of lesions"
        )
        notes.append(f"{empty_truths_note(empty)}; {without}.")
    if full := report["full_truths"]:
        notes.append(f"{len(full)} true masks are nothing but lesion ({named(full)}).")
    return notes


def empty_truths_note(image_ids: list[str]) -> str:
    """Say what scores mean where the ground truth of these images has no lesion pixel."""
    return (
        f"{len(image_ids)} true masks have no lesion pixel ({named(image_ids)}): by convention "
        "their Dice and IoU are 1 where the prediction has none either, else 0"
    )


def write_segmentation_report(
    folder: Path,
    report: dict[str, Any],
    scores: pd.DataFrame,
    name: str,
    images: Pictures,
    predicted: Pictures,
    true: Pictures,
    *,
    seed: int = 0,
) -> list[str]:
    """Write `metrics.json`, `images.csv`, `summary.md`, `overlays.png` and `worst.png`.

    Args:
        folder: Created if absent; files of the same names are replaced.
        report: As `summarise` returns it.
        scores: The rows behind it.
        name: What was scored, for the titles.
        images: N images, uint8 (H, W, 3), in the order of the rows.
        predicted: N masks {0, 1} (H, W) of their sizes.
        true: N ground-truth masks, likewise.
        seed: Decides which images the overlay sheet shows.

    Returns:
        Names of the files written.
    """
    texts = {
        "metrics.json": json.dumps(report, indent=2) + "\n",
        "images.csv": scores.to_csv(index=False, lineterminator="\n", float_format="%.6g"),
        "summary.md": summary_table(report, name).to_markdown(),
    }
    for file, text in texts.items():
        with atomic_file(folder / file) as temporary:
            temporary.write_text(text, encoding="utf-8")
    random = np.random.default_rng(seed).permutation(len(scores))[:_OVERLAYS]
    worst = np.argsort(scores["dice"].to_numpy(), kind="stable")[:WORST]
    sheets = {
        "overlays.png": (np.sort(random), f"{len(random)} of {len(scores)} images: {name}"),
        "worst.png": (worst, f"The {len(worst)} worst of {len(scores)} images: {name}"),
    }
    for file, (rows, title) in sheets.items():
        plot_mask_overlays(
            [images[row] for row in rows],
            [predicted[row] for row in rows],
            folder / file,
            true=[true[row] for row in rows],
            captions=[_caption(scores.iloc[row]) for row in rows],
            title=title,
        )
    return [*texts, *sheets]


def _caption(row: pd.Series) -> str:
    stem = str(row["image_id"]).partition(":")[2]
    return f"{stem[:22]}\nDice {row['dice']:.3f}"
