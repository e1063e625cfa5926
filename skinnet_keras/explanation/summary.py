"""What many explanations say together."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skinnet_keras.atomic import atomic_file
from skinnet_keras.evaluation.bootstrap import DEFAULT_RESAMPLES, resampled_ratios
from skinnet_keras.evaluation.intervals import json_interval
from skinnet_keras.explanation.explain import Explanation


def write_figures(explanations: Sequence[Explanation], classes: Sequence[str], path: Path) -> None:
    """Write a CSV: a row an image with label, class asked about, its probability and the figures.

    Args:
        explanations: As `explain_cases` gives them.
        classes: K class names.
        path: CSV to write.
    """
    names = list(explanations[0].figures)
    with atomic_file(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["image_id", "label", "asked", "probability", *names])
        for each in explanations:
            label = "" if each.case.label is None else classes[each.case.label]
            values = ["" if np.isnan(each.figures[n]) else f"{each.figures[n]:.6g}" for n in names]
            asked = [classes[each.asked], f"{each.probabilities[each.asked]:.6g}"]
            writer.writerow([each.case.image_id, label, *asked, *values])


def summarize(explanations: Sequence[Explanation], seed: int = 0) -> dict[str, dict]:
    """Means with 95 % bootstrap intervals over images.

    Args:
        explanations: As `explain_cases` gives them.
        seed: Of the bootstrap.

    Returns:
        Name -> `mean`, `interval`, `n`. Beside the figures of the images: for every branch
        `<branch>_inside_less_area`, and `<branch>_deletion_less_random` (below 0 where the map
        matters) and `<branch>_insertion_less_random` (above 0), differences by image. Undefined =
        None.
    """
    table = {
        name: np.array([each.figures[name] for each in explanations])
        for name in explanations[0].figures
    }
    for branch in explanations[0].maps:
        table[f"{branch}_inside_less_area"] = table[f"{branch}_inside"] - table["area_of_lesion"]
        for curve in ("deletion", "insertion"):
            if f"random_{curve}" in table:
                difference = table[f"{branch}_{curve}"] - table[f"random_{curve}"]
                table[f"{branch}_{curve}_less_random"] = difference
    return {name: _mean(values, seed) for name, values in table.items()}


def mean_curves(
    explanations: Sequence[Explanation], seed: int = 0
) -> dict[str, dict[str, dict[str, list]]]:
    """Mean deletion and insertion curves with 95 % bootstrap intervals over images.

    Args:
        explanations: As `explain_cases` gives them.
        seed: Of the bootstrap.

    Returns:
        Branch, and "random" -> `deletion` and `insertion` -> `mean` and `interval`, a value a step
        (`perturbation.STEPS` + 1); empty where the curves were not followed.
    """
    every = [each.curves for each in explanations]
    found: dict[str, dict[str, dict[str, list]]] = {}
    for branch in every[0]:
        table = {
            "deletion": np.stack([curves[branch].deletion for curves in every]),
            "insertion": np.stack([curves[branch].insertion for curves in every]),
        }
        found[branch] = {}
        for curve, values in table.items():
            ones = np.ones(len(values))
            draws = resampled_ratios(values, ones, None, resamples=DEFAULT_RESAMPLES, seed=seed)
            found[branch][curve] = {
                "mean": values.mean(axis=0).tolist(),
                "interval": [json_interval(step) for step in draws.T],
            }
    return found


def _mean(values: np.ndarray, seed: int) -> dict:
    known = values[~np.isnan(values)]
    if not known.size:
        return {"mean": None, "interval": None, "n": 0}
    means = resampled_ratios(
        known, np.ones_like(known), None, resamples=DEFAULT_RESAMPLES, seed=seed
    )
    return {
        "mean": float(known.mean()),
        "interval": json_interval(means),
        "n": int(known.size),
    }
