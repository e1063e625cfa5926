"""Images to explain: of a run's catalogue, or photographs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.image_io import resize_image
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.explanation.explain import Case
from skinnet_keras.inference.photographs import FailedImage
from skinnet_keras.inference.prediction import read_cleaned
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.runs.samples import classification_samples
from skinnet_keras.training.masks import logit


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
    run, classifier = models.run, _classifier(models)
    catalogue = run.load_catalogue()
    cache = open_cache(catalogue, run.config.image_size, cleaning=run.config.cleaning)
    masks = PredictedMasks.open(run.directory) if run.config.uses_mask else None
    names = tuple(tensor.name for tensor in classifier.inputs)
    classes = run.config.num_classes
    samples = classification_samples(
        catalogue, cache, split, input_names=names, num_classes=classes, masks=masks
    )
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
    images, given = samples.images_at(rows), samples.masks_at(rows)
    cases = []
    for n, row in enumerate(rows):
        inputs = {"image": np.asarray(images[n])}
        lesion = None
        if "mask" in names and given is not None:
            lesion = np.asarray(given[n]).reshape(images.shape[1:3])
            inputs["mask"] = lesion[..., None]
        if "metadata" in names and samples.metadata is not None:
            inputs["metadata"] = samples.metadata[row]
        if lesion is None:
            cached = int(samples.rows[row])
            lesion = np.asarray(cache.masks[cached]) if cache.has_mask[cached] else None
        cases.append(Case(samples.image_ids[row], inputs, lesion, int(labels[row])))
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
    run, classifier = models.run, _classifier(models)
    names = {tensor.name for tensor in classifier.inputs}
    metadata = MetadataEncoder().encode(age, sex, site)
    if "mask" in names and models.segmenter is None:
        raise UserError(f"{run.directory} has no segmentation network to find the lesion with.")
    cases, failed = [], []
    for file in files:
        try:
            rgb, _ = read_cleaned(file, run.config.cleaning)
        except UserError as error:
            failed.append(FailedImage(str(file), str(error)))
            continue
        inputs = {"image": resize_image(rgb, run.config.image_size)}
        lesion = None
        if models.segmenter is not None:
            batch = {"image": inputs["image"][None].astype(np.float32)}
            logits = np.asarray(models.segmenter(batch, training=False)["mask_logits"])
            lesion = (logits[0, ..., 0] >= logit(models.mask_threshold)).astype(np.uint8)
        if "mask" in names and lesion is not None:
            inputs["mask"] = lesion[..., None]
        if "metadata" in names:
            inputs["metadata"] = metadata
        cases.append(Case(str(file), inputs, lesion, None))
    return cases, failed


def _classifier(models: RunModels):
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
