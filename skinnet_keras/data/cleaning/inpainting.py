"""Filling what was taken out from its surroundings."""

from __future__ import annotations

import cv2
import numpy as np

_LARGEST_SIDE = 1024  # Fillings are smooth: larger images get theirs from a smaller copy.
_ANY = 1e-3


def fill(rgb: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Fill a hole with the colours around it, by pyramids of averages (pull-push).

    On hairs drawn over real images it is as close to the truth as OpenCV's two inpainting methods,
    faster, and leaves no streaks in large holes.

    Args:
        rgb: uint8 (H, W, 3).
        hole: bool (H', W') of the same aspect: where to fill; it is brought to the image's size.

    Returns:
        uint8 (H, W, 3); pixels outside the hole are unchanged, bit for bit.
    """
    if not hole.any() or hole.all():
        return rgb
    height, width = rgb.shape[:2]
    scale = min(1.0, _LARGEST_SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) if scale < 1 else rgb
    filled = _pull_push(small, _resize(hole, size, least=_ANY))
    if scale < 1:
        filled = cv2.resize(filled, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.where(_resize(hole, (width, height))[..., None], filled, rgb)


def _pull_push(rgb: np.ndarray, hole: np.ndarray) -> np.ndarray:
    weight = (~hole).astype(np.float32)
    total = rgb * weight[..., None]
    levels = []
    while min(weight.shape) > 2 and not weight.all():
        levels.append((total, weight))
        total, weight = cv2.pyrDown(total), cv2.pyrDown(weight)
    average = total / np.maximum(weight, np.finfo(np.float32).tiny)[..., None]
    for total, weight in reversed(levels):
        coarse = cv2.pyrUp(average, dstsize=weight.shape[::-1])
        average = total + (1 - weight[..., None]) * coarse
    return np.rint(average).clip(0, 255).astype(np.uint8)


def _resize(hole: np.ndarray, size: tuple[int, int], least: float = 0.5) -> np.ndarray:
    """Resize a hole to (width, height); a pixel is in it when `least` of it is."""
    if hole.shape == size[::-1]:
        return hole
    shrinks = hole.shape[1] > size[0]
    interpolation = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
    return cv2.resize(hole.astype(np.float32), size, interpolation=interpolation) >= least
