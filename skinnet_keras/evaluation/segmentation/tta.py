"""Test-time augmentation of segmentation: the mean over mirrored and turned views.

Skin has no up and down, so every view is as likely an image as the one that was taken.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

TTA = ("none", "flips", "dihedral")
"""The image alone, with its three mirror images (4 views), with their quarter turns (8)."""

# Quarter turns, and whether the view is mirrored left to right before them.
_VIEWS: dict[str, tuple[tuple[int, bool], ...]] = {
    "none": ((0, False),),
    "flips": ((0, False), (0, True), (2, False), (2, True)),
    "dihedral": tuple((turns, mirrored) for turns in range(4) for mirrored in (False, True)),
}


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
    if tta not in _VIEWS:
        raise ValueError(f"unknown test-time augmentation {tta!r}: choose one of {TTA}.")
    total = np.zeros(images.shape[:3], np.float32)
    for turns, mirrored in _VIEWS[tta]:
        view = images[:, :, ::-1] if mirrored else images
        maps = predict(np.ascontiguousarray(np.rot90(view, turns, axes=(1, 2))))
        back = np.rot90(maps, -turns, axes=(1, 2))
        total += back[:, :, ::-1] if mirrored else back
    return total / np.float32(len(_VIEWS[tta]))
