"""What `skinnet explain` and `skinnet ood` leave in a run, without a network; figures made up."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from skinnet_keras.evaluation.explanations import SUMMARY_FILE
from skinnet_keras.evaluation.ood import detection_report
from skinnet_keras.evaluation.stored_results import write_result
from skinnet_keras.runs.run import Run

STEPS = 17
SHEET = (1500, 700)  # pixels


def write_explanations(run: Run, folder: Path | None = None) -> Path:
    """A folder of explanations of 24 images with one sheet, whose map falls faster than chance."""
    folder = folder or run.directory / "explanations"
    folder.mkdir(parents=True)
    pixels = np.random.default_rng(0).integers(0, 255, (SHEET[1], SHEET[0], 3), dtype=np.uint8)
    Image.fromarray(pixels).save(folder / "explanations_1.png")
    share = np.linspace(0, 1, STEPS)
    falls = {"image": 0.8 * (1 - share) ** 3, "random": 0.8 * (1 - share)}
    curves = {
        branch: {
            "deletion": _curve(values),
            "insertion": _curve(values[::-1]),
        }
        for branch, values in falls.items()
    }
    means = {
        "area_of_lesion": 0.25,
        "image_inside": 0.43,
        "image_deletion": 0.21,
        "image_insertion": 0.62,
        "random_deletion": 0.4,
        "random_insertion": 0.4,
        "image_inside_less_area": 0.18,
    }
    figures = {
        name: {"mean": mean, "interval": [mean - 0.05, mean + 0.05], "n": 24}
        for name, mean in means.items()
    }
    content = {
        "images": 24,
        "split": "test",
        "label": None,
        "asked": None,
        "seed": 0,
        "figures": figures,
        "curves": curves,
        "sheets": ["explanations_1.png"],
    }
    write_result(folder / SUMMARY_FILE, content, run.weight_hashes())
    return folder


def _curve(values: np.ndarray) -> dict[str, list]:
    return {
        "mean": values.tolist(),
        "interval": [[max(value - 0.05, 0.0), value + 0.05] for value in values],
    }


def write_detection(run: Run, file: Path | None = None) -> Path:
    """A file on unknown input: Mahalanobis tells photographs, the energy is below chance."""
    rng = np.random.default_rng(0)
    known = {"mahalanobis": rng.normal(2, 1, 60), "energy": rng.normal(-1, 1, 60)}
    others = {
        name: {score: rng.normal(0, 1, 40) for score in known}
        for name in ("unseen classes", "photographs", "textures")
    }
    sets = detection_report(known, others, None, dict.fromkeys(others), resamples=50)
    file = file or run.directory / "ood.json"
    write_result(file, {"bootstrap": 50, "seed": 0, "sets": sets}, run.weight_hashes())
    return file
