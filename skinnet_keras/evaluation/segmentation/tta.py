"""Test-time augmentation of segmentation: the mean over mirrored and turned views.

Crops are left out here: a mask is wanted of the whole image, and crops see only parts of it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from skinnet_keras.data.views import view_set

TTA = ("none", "flips", "dihedral")
"""The image alone, with its three mirror images (4 views), with their quarter turns (8)."""


def averaged_over_views(
    predict: Callable[[np.ndarray], np.ndarray], images: np.ndarray, tta: str
) -> np.ndarray:
    """Predict every view of some images, turn the predictions back and average them.

    Args:
        predict: Images (N, S, S, C) -> maps (N, S, S), such as lesion probabilities.
        images: (N, S, S, C), any dtype.
        tta: One of `TTA`.

    Returns:
        float32 (N, S, S).

    Raises:
        ValueError: An unknown `tta`.
    """
    if tta not in TTA:
        raise ValueError(f"unknown test-time augmentation {tta!r}: choose one of {TTA}.")
    views = view_set(tta)
    total = np.zeros(images.shape[:3], np.float32)
    for view in views:
        total += view.back(predict(view.of_images(images)))[0]
    return total / np.float32(len(views))
