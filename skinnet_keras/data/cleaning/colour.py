"""Shades of gray: colour constancy by the Minkowski norm (Finlayson and Trezzi, 2004)."""

from __future__ import annotations

import cv2
import numpy as np

_DARK = 20  # The frame around the lit field says nothing about the light.


def shades_of_gray(rgb: np.ndarray, *, norm: float = 6.0) -> np.ndarray:
    """Divide out the colour of the light.

    The light is taken to have the colour of the Minkowski norm of the pixels (norm 1: gray world;
    infinity: brightest pixel; 6 was best in the source), over the lit field: pixels of which a
    channel has at least 20 grey levels. The values are taken as they are in the file, as is usual
    for dermoscopy (Barata et al., 2015, also tried it after gamma correction).

    Args:
        rgb: uint8 (H, W, 3).
        norm: Order p of the Minkowski norm, at least 1.

    Returns:
        uint8 (H, W, 3), as if taken under white light of the same strength; values above 255 are
        clipped.
    """
    red, green, blue = cv2.split(rgb)
    brightest = cv2.max(cv2.max(red, green), blue)
    lit = cv2.threshold(brightest, _DARK - 1, 255, cv2.THRESH_BINARY)[1]
    if not lit.any():
        return rgb
    levels = np.arange(256, dtype=np.float64)
    counts = [cv2.calcHist([c], [0], lit, [256], [0, 256]).ravel() for c in (red, green, blue)]
    light = np.array([np.average((levels / 255) ** norm, weights=n) ** (1 / norm) for n in counts])
    if not light.all():
        return rgb
    gains = np.linalg.norm(light) / np.sqrt(3) / light
    table = np.clip(np.rint(levels[:, None] * gains), 0, 255).astype(np.uint8)
    return cv2.LUT(rgb, table[None])
