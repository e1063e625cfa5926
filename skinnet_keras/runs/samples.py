"""From catalogue rows to the samples a stage trains or validates on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from skinnet_keras.config import Config
from skinnet_keras.data.cache import ImageCache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.data.samples import Samples
from skinnet_keras.data.split_notes import scarce_classes
from skinnet_keras.errors import UserError
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.taxonomy import LABELS


def classes_of(num_classes: int) -> tuple[str, ...]:
    """The first 8 (without UNK) or 9 labels."""
    return LABELS[:num_classes]


def segmentation_samples(catalogue: Catalogue, cache: ImageCache, split: str) -> Samples:
    """The images of a split that have a ground-truth mask.

    Raises:
        UserError: There is none.
    """
    rows = _in_cache(catalogue.usable([split]), cache)
    ids = [image_id for image_id in rows["image_id"] if cache.has_mask[cache.rows([image_id])[0]]]
    if not ids:
        raise UserError(
            f"no image of split {split!r} in {catalogue.root} has a lesion mask: stage "
            "segmentation needs a source with masks (such as isic2017), or set segmenter.run."
        )
    return Samples(cache=cache, image_ids=ids, input_names=("image",), target="mask")


def classification_samples(
    catalogue: Catalogue,
    cache: ImageCache,
    split: str,
    *,
    input_names: tuple[str, ...],
    num_classes: int,
    masks: PredictedMasks | None,
) -> Samples:
    """The labelled images of a split, with what the classifier takes as input.

    Args:
        catalogue: The catalogue.
        cache: Its images at training size.
        split: `train`, `val` or `test`.
        input_names: Inputs the model declares.
        num_classes: 8 or 9; rows labelled UNK are left out of 8.
        masks: Predicted masks, needed when the model takes a mask.

    Raises:
        UserError: No image is left.
    """
    classes = classes_of(num_classes)
    rows = catalogue.usable([split])
    rows = _in_cache(rows[rows["label"].isin(classes)], cache)
    if rows.empty:
        raise UserError(f"split {split!r} of {catalogue.root} has no labelled image.")
    samples = samples_of(rows, cache, input_names=input_names, num_classes=num_classes, masks=masks)
    labels = np.array([classes.index(label) for label in rows["label"]], dtype="int64")
    return replace(samples, labels=labels)


def samples_of(
    rows: pd.DataFrame,
    cache: ImageCache,
    *,
    input_names: tuple[str, ...],
    num_classes: int,
    masks: PredictedMasks | None,
) -> Samples:
    """Rows of a catalogue with what the classifier takes as input, and without labels.

    Args:
        rows: The rows; images that are not in the cache are left out.
        cache: The catalogue's images at training size.
        input_names: Inputs the model declares.
        num_classes: 8 or 9.
        masks: Predicted masks, needed when the model takes a mask.
    """
    rows = _in_cache(rows, cache)
    ids = list(rows["image_id"])
    return Samples(
        cache=cache,
        image_ids=ids,
        input_names=input_names,
        target="label",
        num_classes=num_classes,
        masks=masks.of(ids) if masks is not None and "mask" in input_names else None,
        metadata=MetadataEncoder().encode_table(rows),
    )


def input_names_of(config: Config, *, with_mask: bool) -> tuple[str, ...]:
    """What the classifier of an experiment takes as input, by name.

    Args:
        config: The experiment.
        with_mask: Whether a mask is fed to a network that takes one; not where the segmentation
            network in front of it predicts the mask.
    """
    section = config.model or config.classical
    takes = {
        "image": True,
        "mask": with_mask and config.uses_mask,
        "metadata": section is not None and section.metadata,
    }
    return tuple(name for name, taken in takes.items() if taken)


def check_training_classes(config: Config, catalogue: Catalogue) -> list[str]:
    """Refuse to train a classifier where there is nothing to tell apart.

    Args:
        config: The experiment; one without a classifier needs no class.
        catalogue: The catalogue with the run's splits.

    Returns:
        Sentences on classes with no or one training image.

    Raises:
        UserError: The labelled training images are all of one class.
    """
    if config.model is None and config.classical is None:
        return []
    classes = classes_of(config.num_classes)
    labels = catalogue.usable(["train"])["label"]
    sentences = scarce_classes(labels, classes)
    present = sorted(set(labels) & set(classes))
    if len(present) == 1:
        raise UserError(
            f"{catalogue.root}: all labelled images of split 'train' are {present[0]}: a "
            "classifier has nothing to tell apart; give it images of other classes."
        )
    return sentences


def _in_cache(rows: pd.DataFrame, cache: ImageCache) -> pd.DataFrame:
    return rows[rows["image_id"].isin(set(cache.image_ids))]


def labels_of(samples: Samples) -> np.ndarray:
    """The class indices of labelled samples, int64 (N,)."""
    if samples.labels is None:
        raise ValueError("the samples have no labels")
    return samples.labels
