"""Ruler marks: ticks in a row, equal steps apart, and the straight lines they stand on."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from skinnet_keras.data.cleaning.lines import line_depth, off_frame, open_lines

# Pixels and grey levels at the working size.
_CONTRAST = 10
_TICK = 7
_SHORTEST, _LONGEST = 6, 48
_THICKEST = 7.0
_LEAST_STEP, _LARGEST_STEP = 6.0, 70.0
_STEP_TOLERANCE = 0.3
_PARALLEL = np.cos(np.deg2rad(18))
_UPRIGHT = np.sin(np.deg2rad(30))
_LEAST_TICKS = 5
_SCALE_LINE = 35  # at half the working size
_BESIDE = 17
_FAINT = 7
_BEND = 1.5
_LEAST_TEETH = 6
_REGULAR = 0.6
_MIDDLE = 0.45  # Lesions are here; their own parallel streaks and ridges stay.


@dataclass(frozen=True)
class _Ticks:
    """Short lines: label in the map, centre (N, 2) x y, unit direction (N, 2)."""

    labels: np.ndarray
    numbers: np.ndarray
    centres: np.ndarray
    directions: np.ndarray


def find_rulers(working: np.ndarray) -> np.ndarray:
    """Find ruler marks.

    Args:
        working: uint8 (H, W, 3) at the working size.

    Returns:
        bool (H, W).
    """
    depth = line_depth(working)
    ticks = _find_ticks(depth)
    found = np.isin(ticks.labels, ticks.numbers[_in_rows(ticks)])
    found |= _scales(depth, found)
    return cv2.dilate(found.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)


def _scales(depth: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Find straight lines with regular ticks on them, and the ticks, bool (H, W).

    Ticks in `rows` are known already; the smallest are found only beside their line.
    """
    # At half size, where a pixel is as dark as the darkest of four: long openings are slow.
    half = cv2.dilate(depth, np.ones((2, 2), np.uint8), anchor=(0, 0))[::2, ::2]
    lines = off_frame(open_lines(half, _SCALE_LINE).straight(_CONTRAST, share=0.4))
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(lines.astype(np.uint8))
    found = np.zeros(depth.shape, dtype=bool)
    for number in range(1, count):
        extent = np.hypot(*boxes[number, 2:4])
        line = (labels == number).astype(np.uint8)
        if extent < _SCALE_LINE or _bend(line) > _BEND:
            continue
        line = line.repeat(2, axis=0).repeat(2, axis=1)[: depth.shape[0], : depth.shape[1]]
        near = cv2.dilate(line, np.ones((_BESIDE, _BESIDE), np.uint8))
        known = cv2.connectedComponents(near & rows.astype(np.uint8))[0] - 1
        teeth = _teeth(line, depth >= _FAINT)
        if teeth is not None or known >= _LEAST_TICKS:
            found |= line > 0
        if teeth is not None:
            found |= teeth
    return found


def _teeth(line: np.ndarray, dark: np.ndarray) -> np.ndarray | None:
    """Return the ticks that stand on a line, bool (H, W); None where there is no row of them.

    What crosses the line, as hairs cross each other, is no tick.
    """
    near, reach, beyond = (
        cv2.dilate(line, np.ones((side, side), np.uint8)) > 0 for side in (5, _BESIDE, _BESIDE + 4)
    )
    stubs = (dark & beyond & ~near).astype(np.uint8)
    count, labels, _, centres = cv2.connectedComponentsWithStats(stubs, connectivity=8)
    numbers = np.setdiff1d(np.arange(1, count), labels[beyond & ~reach])
    if len(numbers) < _LEAST_TEETH:
        return None
    axis = np.linalg.eigh(np.cov(np.stack(np.nonzero(line)[::-1]), bias=True))[1][:, 1]
    gaps = np.diff(np.sort(centres[numbers] @ axis))
    regular = np.abs(gaps / np.median(gaps) - 1) <= _STEP_TOLERANCE
    return np.isin(labels, numbers) if regular.mean() >= _REGULAR else None


def _bend(line: np.ndarray) -> float:
    """Return how far, in pixels, the line's pixels lie from its straight axis (RMS)."""
    return float(np.sqrt(np.linalg.eigvalsh(np.cov(np.stack(np.nonzero(line)), bias=True))[0]))


def _find_ticks(depth: np.ndarray) -> _Ticks:
    lines = off_frame(open_lines(depth, _TICK).straight(_CONTRAST)).astype(np.uint8)
    count, labels, boxes, centres = cv2.connectedComponentsWithStats(lines, connectivity=8)
    extent = np.hypot(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT])
    thickness = boxes[:, cv2.CC_STAT_AREA] / np.maximum(extent, 1)
    height, width = depth.shape
    off_centre = np.hypot(2 * centres[:, 0] / width - 1, 2 * centres[:, 1] / height - 1)
    fits = (extent >= _SHORTEST) & (extent <= _LONGEST) & (thickness <= _THICKEST)
    fits &= off_centre >= _MIDDLE
    fits[0] = False
    numbers = np.flatnonzero(fits)
    directions = np.zeros((count, 2))
    for number in numbers:
        x, y, w, h = boxes[number, :4]
        rows, columns = np.nonzero(labels[y : y + h, x : x + w] == number)
        axes = np.linalg.eigh(np.cov(np.stack([columns, rows]), bias=True))[1]
        directions[number] = axes[:, 1]
    return _Ticks(labels, numbers, centres[numbers], directions[numbers])


def _in_rows(ticks: _Ticks) -> np.ndarray:
    """Tell which ticks stand in a row of at least `_LEAST_TICKS` with equal steps, bool (N,)."""
    found = np.zeros(len(ticks.numbers), dtype=bool)
    if len(found) < _LEAST_TICKS:
        return found
    steps = ticks.centres[None] - ticks.centres[:, None]
    distance = np.linalg.norm(steps, axis=2)
    parallel = np.abs(ticks.directions @ ticks.directions.T) >= _PARALLEL
    along = np.abs((steps * ticks.directions[:, None]).sum(axis=2)) <= _UPRIGHT * distance
    pairs = parallel & along & (distance >= _LEAST_STEP) & (distance <= _LARGEST_STEP)
    for start, second in np.argwhere(pairs):
        row = [start, second]
        while (after := _next(ticks, row, parallel)) is not None:
            row.append(after)
        if len(row) >= _LEAST_TICKS:
            found[row] = True
    return found


def _next(ticks: _Ticks, row: list[int], parallel: np.ndarray) -> int | None:
    """Return the tick one more step on, if there is one."""
    before, last = row[-2:]
    step = ticks.centres[last] - ticks.centres[before]
    miss = np.linalg.norm(ticks.centres - (ticks.centres[last] + step), axis=1)
    miss[~parallel[last]] = np.inf
    miss[row] = np.inf
    after = int(miss.argmin())
    return after if miss[after] <= _STEP_TOLERANCE * np.linalg.norm(step) else None
