"""The hand-made features the paper names: HOG, LBP and colour histograms (section 1).

Every function takes one image at training size, uint8 (S, S, 3) RGB, and returns float32 (D,).
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from skimage.feature import hog, local_binary_pattern

COLOUR_RANGES: dict[str, tuple[tuple[float, float], ...]] = {
    "rgb": ((0.0, 1.0), (0.0, 1.0), (0.0, 1.0)),
    "hsv": ((0.0, 360.0), (0.0, 1.0), (0.0, 1.0)),
    # Beyond 64 in a* and b* there is hardly any skin; such pixels count in the outermost bins.
    "lab": ((0.0, 100.0), (-64.0, 64.0), (-64.0, 64.0)),
}
"""Colour space -> range of its channels: hue in degrees, CIE L* a* b* (D65), the others 0..1."""

_CONVERSIONS = {"hsv": cv2.COLOR_RGB2HSV, "lab": cv2.COLOR_RGB2Lab}


def hog_features(
    rgb: np.ndarray, *, orientations: int = 9, cells: int = 6, block: int = 2
) -> np.ndarray:
    """Histograms of oriented gradients (Dalal and Triggs, CVPR 2005), L2-Hys normalised.

    Each pixel's gradient is that of the channel where it is largest. Gradient directions are
    unsigned: 0..180 degrees. Pixels that fill no whole cell are left out on all sides alike.

    Args:
        rgb: uint8 (S, S, 3), S >= `cells`.
        orientations: Bins of a cell's histogram.
        cells: Cells a side.
        block: Cells a side of a normalisation block, at most `cells`.

    Returns:
        float32 ((cells - block + 1)^2 * block^2 * orientations,), values in 0..1.
    """
    cell = len(rgb) // cells
    start = (len(rgb) - cell * cells) // 2
    whole = slice(start, start + cell * cells)
    return hog(
        rgb[whole, whole],
        orientations=orientations,
        pixels_per_cell=(cell, cell),
        cells_per_block=(block, block),
        block_norm="L2-Hys",
        channel_axis=-1,
    ).astype(np.float32)


def lbp_histogram(
    rgb: np.ndarray, *, radii: Sequence[int] = (1, 2, 3), mask: np.ndarray | None = None
) -> np.ndarray:
    """Histograms of rotation-invariant uniform local binary patterns of the grey image.

    LBP^riu2 with 8r neighbours on a circle of r pixels (Ojala, Pietikäinen, Mäenpää, IEEE TPAMI
    24(7), 2002). Pixels whose circle leaves the image are not counted.

    Args:
        rgb: uint8 (S, S, 3), S > 2 * max(radii).
        radii: The radii r.
        mask: uint8 (S, S) in {0, 1}: the pixels to count; the whole image where it is None or
            marks no pixel.

    Returns:
        float32 (sum over r of 8r + 2,): for each radius the shares of the uniform patterns with
        0..8r neighbours at least as bright, then of all other patterns; they sum to 1.
    """
    grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
    histograms = []
    for radius in radii:
        points = 8 * radius
        codes = local_binary_pattern(grey, points, radius, method="uniform").astype(np.int64)
        inner = slice(radius, -radius)
        counted = _counted(codes[inner, inner], None if mask is None else mask[inner, inner])
        histograms.append(np.bincount(counted, minlength=points + 2) / len(counted))
    return np.concatenate(histograms).astype(np.float32)


def colour_histogram(
    rgb: np.ndarray,
    *,
    spaces: Sequence[str] = ("hsv", "lab"),
    bins: int = 16,
    mask: np.ndarray | None = None,
) -> np.ndarray:
    """Histograms of each channel of one or more colour spaces.

    Args:
        rgb: uint8 (S, S, 3).
        spaces: Names in `COLOUR_RANGES`.
        bins: Bins of a channel, of equal width over its range; values beyond it count in the
            outermost ones.
        mask: uint8 (S, S) in {0, 1}: the pixels to count; the whole image where it is None or
            marks no pixel.

    Returns:
        float32 (len(spaces) * 3 * bins,): shares of the pixels, summing to 1 for each channel.
    """
    scaled = rgb.astype(np.float32) / np.float32(255)
    histograms = []
    for space in spaces:
        pixels = scaled if space == "rgb" else cv2.cvtColor(scaled, _CONVERSIONS[space])
        for channel, (low, high) in enumerate(COLOUR_RANGES[space]):
            values = _counted(pixels[..., channel], mask)
            index = ((values - low) * (bins / (high - low))).astype(np.int64).clip(0, bins - 1)
            histograms.append(np.bincount(index, minlength=bins) / len(index))
    return np.concatenate(histograms).astype(np.float32)


def _counted(values: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    """The values inside a mask, or all of them where there is nothing inside, as a vector."""
    inside = None if mask is None else values[mask.astype(bool)]
    return values.ravel() if inside is None or not inside.size else inside
