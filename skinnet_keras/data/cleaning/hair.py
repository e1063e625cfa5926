"""Dark hairs: long thin lines.

The idea is DullRazor's (Lee et al., Computers in Biology and Medicine 27, 1997): closings in
several directions find what is dark and thin, its shape is verified, and it is interpolated. Here
a line must in addition be long and have no second line across it, at every pixel it starts from:
that leaves most of pigment networks, globules, streaks and vessels alone. Light hairs stay: they
look like shiny white streaks, which are signs of melanoma and basal-cell carcinoma.
"""

from __future__ import annotations

import cv2
import numpy as np

from skinnet_keras.data.cleaning.lines import line_depth, line_elements, off_frame, open_lines

# Pixels and grey levels at the working size.
_LINE = 27
_LEAST_EXTENT = 40
_PIECE = 13
_PIECE_DEPTH = 0.7  # of the contrast a hair must have
_GROWTH = 4
_STEPS = 2  # half a line each
_SQUARE = np.ones((3, 3), np.uint8)


def find_hair(working: np.ndarray, *, contrast: int = 11) -> np.ndarray:
    """Find dark hairs.

    Args:
        working: uint8 (H, W, 3) at the working size, `lines.to_working_size`.
        contrast: Grey levels that a hair is darker than the skin beside it, in every channel.

    Returns:
        bool (H, W): the hairs and a rim of one pixel.
    """
    depth = line_depth(working)
    openings = open_lines(depth, _LINE)
    lines = openings.straight(contrast)
    seeds = _long(off_frame(lines))
    if not seeds.any():
        return seeds
    pieces = open_lines(depth, _PIECE).best >= max(1, round(_PIECE_DEPTH * contrast))
    inside = pieces.astype(np.uint8)
    hair = seeds.astype(np.uint8)
    # Along its own direction, over crossings with other hairs; then sideways to its full width.
    for line, opened, element in zip(lines, openings.opened, line_elements(_LINE), strict=True):
        front = (line & seeds).astype(np.uint8)
        along = (opened >= contrast).astype(np.uint8)
        for _ in range(_STEPS):
            reached = cv2.dilate(front, element)
            hair |= reached & inside
            front = reached & along
    for _ in range(_GROWTH):
        hair |= cv2.dilate(hair, _SQUARE) & inside
    return cv2.dilate(hair, _SQUARE).astype(bool)


def _long(lines: np.ndarray) -> np.ndarray:
    """Keep the connected lines that extend over `_LEAST_EXTENT` pixels."""
    _, labels, boxes, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8), connectivity=8)
    extent = np.hypot(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    long = extent >= _LEAST_EXTENT
    long[0] = False
    return long[labels]
