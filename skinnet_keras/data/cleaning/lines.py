"""Dark thin lines, told from dots and nets by their direction: what hairs and ruler ticks share."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

ORIENTATIONS = 16
"""Directions of the line openings, over half a turn."""

# At the working size, whose long side is WORKING_SIDE: hairs are 1 to 10 pixels wide there.
WORKING_SIDE = 512
_WIDEST = 13
_BLUR = (3, 3)


@dataclass(frozen=True)
class LineOpenings:
    """Opened depths of dark structures, one map a direction.

    Attributes:
        depth: uint8 (H, W), how much darker a thin structure is than what is around it, in grey
            levels.
        opened: uint8 (ORIENTATIONS, H, W), the largest depth that a whole line of the asked
            length through the pixel has, by direction of the line.
    """

    depth: np.ndarray
    opened: np.ndarray

    @property
    def best(self) -> np.ndarray:
        """uint8 (H, W): the depth along the best direction."""
        return self.opened.max(axis=0)

    def straight(self, least: int, share: float = 0.55, across: float = 0.5) -> np.ndarray:
        """Tell which pixels lie on one line, and on no second one across it.

        Args:
            least: Depth from which there is a line.
            share: The least part of the pixel's own depth that the line keeps.
            across: The largest part of it that a line at 45 to 135 degrees may have; meshes and
                dots have more.

        Returns:
            bool (ORIENTATIONS, H, W): by direction of the line.
        """
        best = self.best
        floor = np.maximum(least, share * self.depth)
        quarter = ORIENTATIONS // 4
        lines = np.zeros(self.opened.shape, dtype=bool)
        for k, opened in enumerate(self.opened):
            others = [
                (k + step) % ORIENTATIONS for step in range(quarter, ORIENTATIONS - quarter + 1)
            ]
            crossing = self.opened[others].max(axis=0)
            lines[k] = (opened == best) & (opened >= floor) & (crossing <= across * opened)
        return lines


def off_frame(lines: np.ndarray, margin: int = 3) -> np.ndarray:
    """Drop what lies along the frame: scans have dark lines of a pixel or two there.

    Args:
        lines: bool (ORIENTATIONS, H, W).
        margin: Width of the frame in pixels.

    Returns:
        bool (H, W): lines of any direction.
    """
    inner: np.ndarray = np.zeros(lines.shape[1:], dtype=bool)
    within = np.s_[margin:-margin, margin:-margin]
    inner[within] = np.asarray(lines.any(axis=0))[within]
    return inner


def to_working_size(image: np.ndarray) -> np.ndarray:
    """Resize uint8 (H, W, ...) so that the longer side has `WORKING_SIDE` pixels."""
    height, width = image.shape[:2]
    scale = WORKING_SIDE / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def line_depth(rgb: np.ndarray) -> np.ndarray:
    """Return the depth of dark structures narrower than 2.5 % of the working side.

    The smallest depth over the channels counts: hairs and rulers are dark in all three, vessels
    hardly so in red.

    Args:
        rgb: uint8 (H, W, 3) at the working size.

    Returns:
        uint8 (H, W), in grey levels.
    """
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (_WIDEST, _WIDEST))
    closed = cv2.morphologyEx(rgb, cv2.MORPH_CLOSE, disc, borderType=cv2.BORDER_REFLECT)
    red, green, blue = cv2.split(cv2.subtract(closed, rgb))
    return cv2.GaussianBlur(cv2.min(cv2.min(red, green), blue), _BLUR, 0)


def open_lines(depth: np.ndarray, length: int) -> LineOpenings:
    """Open the depth with lines of one length in all directions.

    Args:
        depth: uint8 (H, W), from `line_depth`.
        length: Length of the lines in pixels, odd.
    """
    # The default border of OpenCV lets a line end at the edge of the picture.
    opened = [cv2.morphologyEx(depth, cv2.MORPH_OPEN, line) for line in line_elements(length)]
    return LineOpenings(depth, np.stack(opened))


def line_elements(length: int) -> list[np.ndarray]:
    """Return a structuring element (length, length) for each of the `ORIENTATIONS`."""
    centre = (length - 1) / 2
    elements = []
    for angle in np.arange(ORIENTATIONS) * np.pi / ORIENTATIONS:
        element = np.zeros((length, length), np.uint8)
        dx, dy = centre * np.cos(angle), centre * np.sin(angle)
        start = (round(centre - dx), round(centre - dy))
        end = (round(centre + dx), round(centre + dy))
        elements.append(cv2.line(element, start, end, 1))
    return elements
