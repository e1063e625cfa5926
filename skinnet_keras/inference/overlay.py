"""Lesion masks drawn on the photograph they belong to."""

from __future__ import annotations

import cv2
import numpy as np
from PIL import Image

_COLOUR = (0, 230, 230)  # cyan: hardly ever a colour of skin
_TINT = 0.2


def enlarge_mask(probability: np.ndarray, shape: tuple[int, int], threshold: float) -> np.ndarray:
    """Bring a square mask back to the size of its image.

    Args:
        probability: float array of shape (S, S), lesion probability of each pixel.
        shape: Height and width of the original image in pixels.
        threshold: Lesion probability from which a pixel belongs to the mask.

    Returns:
        uint8 array of shape (H, W) in {0, 1}.
    """
    height, width = shape
    image = Image.fromarray(probability.astype(np.float32))
    enlarged = np.asarray(image.resize((width, height), Image.Resampling.BILINEAR))
    return (enlarged >= threshold).astype(np.uint8)


def draw_overlay(rgb: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """Tint the lesion and draw its outline.

    Args:
        rgb: uint8 array of shape (H, W, 3).
        mask: uint8 array of shape (H, W) in {0, 1}.

    Returns:
        uint8 array of shape (H, W, 3); pixels off the lesion and its outline are unchanged.
    """
    colour = np.array(_COLOUR, np.float32)
    tinted = np.round((1.0 - _TINT) * rgb + _TINT * colour).astype(np.uint8)
    drawn = np.where(mask[..., None] == 1, tinted, rgb)
    contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    thickness = max(1, round(min(mask.shape) / 200))
    return cv2.drawContours(drawn, contours, -1, _COLOUR, thickness)
