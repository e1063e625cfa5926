"""Images to explain: of a run's catalogue, or photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np

from skinnet_keras.data.image_io import resize_image
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.explanation.explain import Case
from skinnet_keras.inference.photographs import FailedImage
from skinnet_keras.inference.prediction import read_cleaned
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.runs.opened import OpenedRun


def cases_of_split(
    models: RunModels,
    split: str,
    *,
    count: int,
    label: int | None = None,
    image_ids: Sequence[str] = (),
    seed: int = 0,
) -> list[Case]:
    """Labelled images of a run's split, drawn at random, classes in turn.

    Args:
        models: The run's models.
        split: `train`, `val` or `test`.
        count: Images at most.
        label: Index of the only true class to take; None for all in turn.
        image_ids: These images instead of drawn ones.
        seed: Of the draw.

    Raises:
        UserError: The run has no classifier, its catalogue changed, or an image asked for is not
            in the split.
    """
    _check_classifier(models)
    opened = OpenedRun(models.run)
    samples, cache = opened.samples(split), opened.cache
    labels = np.zeros(0, int) if samples.labels is None else samples.labels
    if image_ids:
        place = {image_id: n for n, image_id in enumerate(samples.image_ids)}
        absent = [image_id for image_id in image_ids if image_id not in place]
        if absent:
            raise UserError(f"{absent[0]} is no labelled image of the split {split}.")
        rows = np.array([place[image_id] for image_id in image_ids])
    else:
        rows = _in_turn(labels, count, seed, label)
    if not len(rows):
        raise UserError(f"the split {split} has no image of that class.")
    inputs = models.classifier_inputs(samples, rows)
    cases = []
    for n, row in enumerate(rows):
        own = {name: values[n] for name, values in inputs.items()}
        if "mask" in own:
            lesion = own["mask"][..., 0]
        else:
            cached = int(samples.rows[row])
            lesion = np.asarray(cache.masks[cached]) if cache.has_mask[cached] else None
        cases.append(Case(samples.image_ids[row], own, lesion, int(labels[row])))
    return cases


def cases_of_files(
    models: RunModels,
    files: Sequence[Path],
    *,
    age: float | None = None,
    sex: str | None = None,
    site: str | None = None,
) -> tuple[list[Case], list[FailedImage]]:
    """Photographs of one patient, preprocessed as `skinnet predict` does it.

    Args:
        models: The run's models; its segmentation network gives the masks.
        files: Image files.
        age: Years; None when unknown.
        sex: "female" or "male"; None when unknown.
        site: One of `skinnet_keras.data.metadata.SITES`; None when unknown.

    Returns:
        The cases, and the files that cannot be read.

    Raises:
        UserError: An unknown word, a run without classifier, or one whose classifier takes a mask
            that no network of the run can predict.
    """
    run, classifier = models.run, _check_classifier(models)
    names = {tensor.name for tensor in classifier.inputs}
    metadata = MetadataEncoder().encode(age, sex, site)
    cases, failed = [], []
    for file in files:
        try:
            rgb, _ = read_cleaned(file, run.config.cleaning)
        except UserError as error:
            failed.append(FailedImage(str(file), str(error)))
            continue
        inputs = {"image": resize_image(rgb, run.config.image_size)}
        lesion = None
        if "mask" in names or models.segmenter is not None:
            lesion = models.lesion_masks(inputs["image"][None])[0]
        if "mask" in names and lesion is not None:
            inputs["mask"] = lesion[..., None]
        if "metadata" in names:
            inputs["metadata"] = metadata
        cases.append(Case(str(file), inputs, lesion, None))
    return cases, failed


def _check_classifier(models: RunModels) -> keras.Model:
    if models.classifier is None:
        raise UserError(f"{models.run.directory} has no classifier to explain.")
    return models.classifier


def _in_turn(labels: np.ndarray, count: int, seed: int, only: int | None) -> np.ndarray:
    """Rows in random order, one of each class in turn, so that few images show every class."""
    order = np.random.default_rng(seed).permutation(len(labels))
    if only is not None:
        return order[labels[order] == only][:count]
    turn = np.zeros(len(labels), int)
    for k in np.unique(labels):
        own = order[labels[order] == k]
        turn[own] = np.arange(len(own))
    return order[np.argsort(turn[order], kind="stable")][:count]
