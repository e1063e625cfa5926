"""Explain the predictions of many images: maps, shares inside the lesion, perturbation checks."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.evaluation.explanations import RANDOM
from skinnet_keras.explanation.gradcam import GradCam
from skinnet_keras.explanation.perturbation import (
    Curves,
    patch_order,
    perturbation_curves,
    random_order,
    share_inside,
)

_BATCH = 16


@dataclass(frozen=True)
class Case:
    """An image to explain.

    Attributes:
        image_id: Its name.
        inputs: What the classifier takes, by name, without the axis of the batch: `image` uint8
            (S, S, 3) and, if it takes them, `mask` (S, S, 1) in {0, 1} and `metadata` (M,).
        lesion: {0, 1} (S, S): the mask that shares are counted in; None where none is known.
        label: Index of the true class; None where it is not known.
    """

    image_id: str
    inputs: dict[str, np.ndarray]
    lesion: np.ndarray | None
    label: int | None


@dataclass(frozen=True)
class Explanation:
    """One image's prediction and where it comes from.

    Attributes:
        case: The image.
        probabilities: float64 (K,).
        asked: Index of the class that maps and curves are about.
        maps: Branch -> float32 (S, S) in 0..1, Grad-CAM for that class.
        figures: `area_of_lesion`; for every branch `<branch>_inside`, the share of its map inside
            the lesion; and, where the perturbation was asked for, `<branch>_deletion` and
            `<branch>_insertion`, areas under the curves, beside `random_deletion` and
            `random_insertion`. NaN = undefined.
        curves: The curves themselves, of every branch and "random"; empty without perturbation.
    """

    case: Case
    probabilities: np.ndarray
    asked: int
    maps: dict[str, np.ndarray]
    figures: dict[str, float]
    curves: dict[str, Curves] = field(default_factory=dict)


def explain_cases(
    classifier: keras.Model,
    cases: list[Case],
    *,
    asked: int | None = None,
    perturb: bool = False,
    seed: int = 0,
) -> list[Explanation]:
    """Explain images one batch at a time, with a progress bar.

    Args:
        classifier: A model as `build_skinnet` makes it.
        cases: The images.
        asked: Index of the class to ask about; None for the predicted class of each image.
        perturb: Whether to follow the deletion and insertion curves (34 predictions a branch and
            as many for the random order).
        seed: Of the random orders.
    """
    cam = GradCam(classifier)
    explanations = []
    starts = range(0, len(cases), _BATCH)
    for start in track(starts, "Explaining", console=Console(stderr=True), transient=True):
        batch = cases[start : start + _BATCH]
        inputs = {
            name: np.stack([case.inputs[name] for case in batch]).astype(np.float32)
            for name in batch[0].inputs
        }
        predicted = np.asarray(classifier(inputs, training=False)["diagnosis"], np.float64)
        classes = predicted.argmax(axis=1) if asked is None else np.full(len(batch), asked)
        maps, _ = cam.maps(inputs, classes)
        for row, case in enumerate(batch):
            own = {branch: every[row] for branch, every in maps.items()}
            figures = _shares(own, case.lesion)
            curves: dict[str, Curves] = {}
            if perturb:
                curves = _curves(classifier, case, int(classes[row]), own, seed)
            for name, found in curves.items():
                figures[f"{name}_deletion"] = found.deletion_area
                figures[f"{name}_insertion"] = found.insertion_area
            explanations.append(
                Explanation(case, predicted[row], int(classes[row]), own, figures, curves)
            )
    return explanations


def _shares(maps: dict[str, np.ndarray], lesion: np.ndarray | None) -> dict[str, float]:
    if lesion is None:
        return {"area_of_lesion": float("nan"), **{f"{b}_inside": float("nan") for b in maps}}
    shares = {branch: share_inside(relevance, lesion) for branch, relevance in maps.items()}
    area = next(iter(shares.values()))[1]
    return {"area_of_lesion": area, **{f"{b}_inside": inside for b, (inside, _) in shares.items()}}


def _curves(
    classifier: keras.Model, case: Case, asked: int, maps: dict[str, np.ndarray], seed: int
) -> dict[str, Curves]:
    """Curves of every branch; mask and metadata stay as they are while the image changes."""

    def predict(images: np.ndarray) -> np.ndarray:
        inputs = {
            name: images
            if name == "image"
            else np.repeat(np.asarray(value, np.float32)[None], len(images), axis=0)
            for name, value in case.inputs.items()
        }
        return np.asarray(classifier(inputs, training=False)["diagnosis"])[:, asked]

    # An order of its own for each image, whichever others are explained with it.
    number = seed + zlib.crc32(case.image_id.encode())
    orders = {branch: patch_order(relevance, number) for branch, relevance in maps.items()}
    orders[RANDOM] = random_order(number)
    return {
        name: perturbation_curves(predict, case.inputs["image"], order)
        for name, order in orders.items()
    }
