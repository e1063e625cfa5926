"""Scores of a trained segmentation network on the images of a catalogue that have true masks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from rich.console import Console
from rich.progress import track

from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.cleaning import clean
from skinnet_keras.data.image_masks import read_masked
from skinnet_keras.data.threads import map_in_threads
from skinnet_keras.evaluation.segmentation.report import score_images
from skinnet_keras.inference.overlay import enlarge_mask
from skinnet_keras.inference.runner import Runner
from skinnet_keras.inference.segmenting import lesion_probability
from skinnet_keras.runs.samples import segmentation_samples


@dataclass(frozen=True)
class ScoredSegmentation:
    """A network's masks and what they are worth.

    Attributes:
        scores: A row an image, see `score_images`.
        images: uint8 (N, S, S, 3), at the network's size.
        predicted: uint8 (N, S, S) in {0, 1}.
        true: uint8 (N, S, S) in {0, 1}.
    """

    scores: pd.DataFrame
    images: np.ndarray
    predicted: np.ndarray
    true: np.ndarray


def score_on_catalogue(
    runner: Runner,
    catalogue: Catalogue,
    split: str,
    *,
    tta: str = "none",
    threshold: float | None = None,
    original_size: bool = False,
    batch_size: int = 16,
) -> ScoredSegmentation:
    """Predict and score the masks of a split.

    Args:
        runner: From `open_segmenter`.
        catalogue: The catalogue.
        split: `train`, `val` or `test`; kept images with a ground-truth mask count.
        tta: Test-time augmentation, one of `skinnet_keras.evaluation.segmentation.tta.TTA`.
        threshold: Lesion probability from which a pixel is lesion; None for the network's own.
        original_size: Whether to bring the probabilities back to the size of each true mask
            before the threshold, and score there (pixels of the photograph), instead of at the
            network's size with the mask resized, as papers do.
        batch_size: Images a prediction step.

    Raises:
        UserError: No image of the split has a mask, or a file cannot be read.
    """
    threshold = runner.mask_threshold if threshold is None else threshold
    cache = open_cache(catalogue, runner.image_size, cleaning=runner.cleaning)
    image_ids = segmentation_samples(catalogue, cache, split).image_ids
    rows = cache.rows(image_ids)
    console = Console(stderr=True)
    steps = track(
        [rows[i : i + batch_size] for i in range(0, len(rows), batch_size)],
        description="predicting masks",
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    probability = np.concatenate(
        [lesion_probability(runner, np.asarray(cache.images[step]), tta=tta) for step in steps]
    )
    images, true = np.asarray(cache.images[rows]), np.asarray(cache.masks[rows])
    predicted = (probability >= threshold).astype(np.uint8)
    groups = catalogue.table.set_index("image_id").loc[image_ids, "group"].tolist()
    if not original_size:
        scores = score_images(image_ids, groups, predicted, true)
        return ScoredSegmentation(scores, images, predicted, true)

    def score_one(row: int) -> pd.DataFrame:
        image_id = image_ids[row]
        masked = read_masked(catalogue.image_path(image_id), catalogue.mask_path(image_id))
        _, mask = clean(masked.rgb, masked.mask, runner.cleaning)
        if mask is None:
            raise ValueError(f"the cache has a mask of {image_id}, the catalogue none")
        full = enlarge_mask(probability[row], mask.shape, threshold)
        return score_images([image_id], [groups[row]], [full], [mask])

    parts = map_in_threads(score_one, list(range(len(rows))), "Scoring at full size")
    return ScoredSegmentation(pd.concat(list(parts), ignore_index=True), images, predicted, true)
