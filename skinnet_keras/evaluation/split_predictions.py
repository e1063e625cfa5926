"""The predictions file of one split of a catalogue."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.evaluation.predictions import write_predictions
from skinnet_keras.taxonomy import LABELS


def write_split_predictions(
    path: Path, catalogue: Catalogue, image_ids: Sequence[str], probabilities: np.ndarray
) -> None:
    """Write probabilities with the catalogue's labels and groups.

    Args:
        path: CSV file to write.
        catalogue: It holds the images.
        image_ids: N of its images.
        probabilities: float (N, K) of the first K labels; rows sum to 1 but for rounding.
    """
    table = catalogue.table.set_index("image_id").loc[list(image_ids)]
    # float32 softmax sums to 1 within rounding only; the file says so exactly.
    rows = probabilities.astype("float64")
    rows /= rows.sum(axis=1, keepdims=True)
    classes = LABELS[: rows.shape[1]]
    groups, labels = list(table["group"]), list(table["label"])
    write_predictions(path, image_ids, labels, rows, classes, groups=groups)
