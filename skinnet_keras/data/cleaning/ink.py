"""Coloured marks: pen strokes (gentian violet, blue, green) and stickers that reach in.

Told from the skin by colour relative to the picture's own skin, so that pictures with a blue cast
keep their skin, and from the blue-white veil of melanomas and from vascular lesions by saturation
(a veil is greyish), by shape (pen strokes are narrow) and by what lies around (skin, not
lesion). The middle of the picture, where the lesion is, is never touched. Yellow, orange and red
stickers stay: their colours are those of lesions.
"""

from __future__ import annotations

import cv2
import numpy as np

# CIELAB units.
_COLOURED = 20.0
_VIVID = 28.0
_STAIN = 9.0
_LEAST_CHROMA = 14.0
_LIKE_SKIN = 18.0
# Pixels at the working size.
_LEAST_AREA = 25
_LEAST_RADIUS = 3.0
_WIDEST_STROKE = 14.0  # half width
_RING = 9
_RIM = 7
_STAIN_REACH = 12
_SLENDER = 7.0  # area over the largest inscribed circle's radius squared; a disc has 3.1
_SKIN_AROUND = 0.5
_SKIN_AROUND_DOTS = 0.75
_MIDDLE = 0.4  # of the half sides
_SHARE_IN_MIDDLE = 0.2


def find_ink(working: np.ndarray) -> np.ndarray:
    """Find coloured marks.

    Args:
        working: uint8 (H, W, 3) at the working size.

    Returns:
        bool (H, W).
    """
    lab = cv2.cvtColor(working.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    skin = _skin_colour(lab)
    shift = lab[..., 1:] - skin[1:]
    blueness = np.maximum(-shift[..., 1], -shift[..., 0])
    coloured = (blueness >= _COLOURED) & (np.hypot(lab[..., 1], lab[..., 2]) >= _LEAST_CHROMA)
    marks = cv2.morphologyEx(coloured.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(marks, connectivity=8)
    depth = cv2.distanceTransform(marks, cv2.DIST_L2, 5)
    middle = _middle(*marks.shape)
    like_skin = np.linalg.norm(shift, axis=2) <= _LIKE_SKIN
    like_skin &= lab[..., 0] >= skin[0] - _LIKE_SKIN
    found = np.zeros(marks.shape, dtype=bool)
    for number in range(1, count):
        x, y, w, h, area = boxes[number]
        if area < _LEAST_AREA:
            continue
        window = np.s_[max(0, y - _RING) : y + h + _RING, max(0, x - _RING) : x + w + _RING]
        mark = labels[window] == number
        at_edge = x == 0 or y == 0 or x + w == marks.shape[1] or y + h == marks.shape[0]
        radius = float(depth[window][mark].max())
        ring = cv2.dilate(mark.astype(np.uint8), np.ones((2 * _RING + 1,) * 2, np.uint8)) > 0
        ring &= ~mark
        narrow = radius <= _WIDEST_STROKE and area >= _SLENDER * radius**2
        vivid = np.median(blueness[window][mark]) >= _VIVID
        if not (narrow or vivid) or (at_edge and radius < _LEAST_RADIUS):
            continue
        if (
            (middle[window] & mark).sum() <= _SHARE_IN_MIDDLE * area
            and ring.any()
            and like_skin[window][ring].mean()
            >= (_SKIN_AROUND if narrow or at_edge else _SKIN_AROUND_DOTS)
        ):
            found[window] |= mark
    return _with_stain(found, blueness >= _STAIN)


def _with_stain(marks: np.ndarray, stained: np.ndarray) -> np.ndarray:
    """Grow marks over the paler stain around them, and a rim; both bool (H, W)."""
    square = np.ones((3, 3), np.uint8)
    grown, inside = marks.astype(np.uint8), (stained | marks).astype(np.uint8)
    for _ in range(_STAIN_REACH):
        grown = cv2.dilate(grown, square) & inside
    return cv2.dilate(grown, np.ones((_RIM, _RIM), np.uint8)).astype(bool)


def _skin_colour(lab: np.ndarray) -> np.ndarray:
    """Return the median L, a, b of the brighter half of the picture."""
    bright = lab[..., 0] >= np.median(lab[..., 0])
    return np.median(lab[bright], axis=0)


def _middle(height: int, width: int) -> np.ndarray:
    """Return the ellipse in which no mark is looked for, bool (H, W)."""
    y, x = np.ogrid[:height, :width]
    return np.hypot(2 * x / width - 1, 2 * y / height - 1) < _MIDDLE
