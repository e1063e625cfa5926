"""The mistakes that matter most, as pictures: rare classes and melanoma."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from skinnet_keras.data.cache import ImageCache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.evaluation.predictions import Predictions
from skinnet_keras.reporting.blocks import Block, Gallery, Paragraph, Picture, Section
from skinnet_keras.reporting.drawings import photograph
from skinnet_keras.runs.opened import OpenedRun
from skinnet_keras.taxonomy import RARE_5

DEFAULT_COUNT = 48


@dataclass(frozen=True)
class Photographs:
    """Where the pictures of a gallery come from.

    Attributes:
        catalogue: Its table gives age, sex, site and source.
        cache: The images as the network saw them, and their reference masks.
        mask_of: `image_id` -> the mask that the network was given, uint8 (S, S) in {0, 1}; None
            where it takes none.
    """

    catalogue: Catalogue
    cache: ImageCache
    mask_of: Callable[[str], np.ndarray] | None

    @classmethod
    def of_run(cls, opened: OpenedRun) -> Photographs:
        """The images of a run, with the masks that its stored predictions were made under."""
        masks, cache, mask_of = opened.masks, opened.cache, None
        if masks is not None:
            stored = masks

            def mask_of(image_id: str) -> np.ndarray:
                return stored.of([image_id])[0]

        elif opened.config.uses_mask:  # its own network's: TensorFlow, which others do without
            from skinnet_keras.inference.run_models import RunModels

            models = RunModels.load(opened.directory)

            def mask_of(image_id: str) -> np.ndarray:
                return models.lesion_masks(cache.images[cache.rows([image_id])])[0]

        return cls(opened.catalogue, cache, mask_of)


def worst_mistakes(scored: Predictions, true_classes: tuple[str, ...]) -> np.ndarray:
    """Rows of the misclassified images of some true classes, the surest mistake first.

    Args:
        scored: Labelled predictions.
        true_classes: The classes whose images are looked at.

    Returns:
        int64 indices, by the lead of the predicted class over the true one.
    """
    true, predicted = scored.true_indices(), scored.predicted_indices()
    rows = np.flatnonzero((true != predicted) & np.isin(scored.labels, list(true_classes)))
    every = scored.probabilities
    lead = every[rows, predicted[rows]] - every[rows, true[rows]]
    return rows[np.argsort(-lead, kind="stable")]


def gallery_section(scored: Predictions, photographs: Photographs, count: int) -> Section:
    """Missed images of the rare classes and missed melanomas.

    Args:
        scored: Labelled predictions.
        photographs: The pictures.
        count: Pictures of each of the two at most.
    """
    blocks: list[Block] = [
        Paragraph(
            "As the network saw them, the surest mistakes first. Blue: the mask it was given; "
            "yellow: the reference mask, where there is one. The pictures come from the data "
            "set: its licence says whether this page may be passed on."
        )
    ]
    for title, classes in (("rare classes", RARE_5), ("melanoma", ("MEL",))):
        rows = worst_mistakes(scored, tuple(classes))
        of = int(np.isin(scored.labels, list(classes)).sum())
        if not of:
            continue
        shown = f", {count} shown" if len(rows) > count else ""
        blocks.append(Paragraph(f"Missed images of {title}: {len(rows)} of {of}{shown}."))
        if len(rows):
            blocks.append(Gallery([_picture(scored, row, photographs) for row in rows[:count]]))
    return Section("mistakes", "Mistakes with rare classes and melanoma", blocks)


def _picture(scored: Predictions, row: int, photographs: Photographs) -> Picture:
    image_id, cache = scored.image_ids[row], photographs.cache
    place = int(cache.rows([image_id])[0])
    reference = cache.masks[place] if cache.has_mask[place] else None
    given = None if photographs.mask_of is None else photographs.mask_of(image_id)
    source = photograph(cache.images[place], given, reference)
    table = photographs.catalogue.table
    facts = table.loc[table["image_id"] == image_id].iloc[0]
    person = [f"{facts['age']} years" if facts["age"] else "", facts["sex"], facts["site"]]
    order = np.argsort(-scored.probabilities[row], kind="stable")[:2]
    guesses = ", ".join(
        f"{scored.classes[k]} {scored.probabilities[row, k]:.2f}" for k in map(int, order)
    )
    own = scored.probabilities[row, scored.classes.index(scored.labels[row])]
    lines = [
        f"{guesses}; {scored.labels[row]} {own:.2f}",
        ", ".join(part for part in person if part) or "no metadata",
        image_id,
    ]
    predicted = scored.classes[int(order[0])]
    return Picture(source, f"{scored.labels[row]}, taken for {predicted}", lines)
