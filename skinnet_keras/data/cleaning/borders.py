"""Black frames and the dark corners around a dermoscope's round field of view: cropped away.

A frame is rows and columns that are dark all along. A round field shows as darkness in at least
two corners whose inner rim lies on one ellipse around the middle of the picture (squashed pictures
make a circle an ellipse); a lesion that touches the edge bulges the other way. Without such
evidence nothing is cropped.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

Box = tuple[int, int, int, int]
"""Rows and columns of a crop: top, bottom, left, right, the ends exclusive."""

_SIDE = 256  # long side at which borders are looked for
_LEAST_SIDE = 32
_FRAME_SHARE = 0.98  # of a row or column
_DARK = 0.35  # of the field's brightness ...
_DARKEST, _BRIGHTEST = 12, 60  # ... within these grey levels
_RAYS = 360
_LEAST_RAYS = 16
_ASPECTS = np.linspace(0.6, 1.7, 23)
_RIM_TOLERANCE = 0.02  # of the long side
_LEAST_AGREEMENT = 0.6
_LINE = 2  # Some scans have a bright line of this width along their edges.
_INWARD = 0.98  # the rim of the field is dim
_SMALLEST = 0.15  # of the picture


@dataclass(frozen=True)
class _Ellipse:
    """Upright ellipse, in pixels."""

    x: float
    y: float
    rx: float
    ry: float

    def radius(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        """Distance from the centre; 1 on the rim."""
        return np.hypot((x - self.x) / self.rx, (y - self.y) / self.ry)


def lit_box(rgb: np.ndarray) -> Box | None:
    """Find the largest upright rectangle inside the lit field.

    Args:
        rgb: uint8 (H, W, 3).

    Returns:
        The box to crop to, or None where the picture has no border.
    """
    height, width = rgb.shape[:2]
    if min(height, width) < _LEAST_SIDE:
        return None
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA)
    # The brightest channel: lesions are dark, but hardly ever black in all three.
    value = cv2.GaussianBlur(small.max(axis=2), (3, 3), 0)
    dark = value < np.clip(_DARK * _brightness(value), _DARKEST, _BRIGHTEST)
    top, bottom, left, right = frame = _without_frame(dark)
    field = dark[top:bottom, left:right]
    ellipse = _fit_field(_without_bright_lines(field))
    if ellipse is not None:
        inner = _inscribed(ellipse, *field.shape)
        frame = (top + inner[0], top + inner[1], left + inner[2], left + inner[3])
    if frame == (0, size[1], 0, size[0]):
        return None
    box = _enlarge(frame, size, (height, width))
    share = (box[1] - box[0]) * (box[3] - box[2]) / (height * width)
    return box if share >= _SMALLEST else None


def _brightness(value: np.ndarray) -> float:
    """Return the brightness of the skin: a high percentile of the middle."""
    height, width = value.shape
    middle = value[height // 4 : -(height // 4) or None, width // 4 : -(width // 4) or None]
    return float(np.percentile(middle, 80))


def _without_frame(dark: np.ndarray) -> Box:
    rows = np.flatnonzero(dark.mean(axis=1) < _FRAME_SHARE)
    columns = np.flatnonzero(dark.mean(axis=0) < _FRAME_SHARE)
    if not rows.size or not columns.size:
        return (0, dark.shape[0], 0, dark.shape[1])
    # One pixel more where there is a frame: its inner edge is blurred.
    top, left = int(rows[0]), int(columns[0])
    bottom, right = int(rows[-1]) + 1, int(columns[-1]) + 1
    return (
        top + (top > 0),
        bottom - (bottom < dark.shape[0]),
        left + (left > 0),
        right - (right < dark.shape[1]),
    )


def _without_bright_lines(dark: np.ndarray) -> np.ndarray:
    """Let darkness reach the edge of the picture where it ends in a thin bright line."""
    dark = dark.copy()
    dark[:_LINE] |= dark[_LINE : _LINE + 1]
    dark[-_LINE:] |= dark[-_LINE - 1 : -_LINE]
    dark[:, :_LINE] |= dark[:, _LINE : _LINE + 1]
    dark[:, -_LINE:] |= dark[:, -_LINE - 1 : -_LINE]
    return dark


def _fit_field(dark: np.ndarray) -> _Ellipse | None:
    height, width = dark.shape
    corners = [dark[y, x] for y in (0, -1) for x in (0, -1)]
    if sum(corners) < 2:
        return None
    points = _rim_points(dark)
    if len(points) < _LEAST_RAYS:
        return None
    ellipse = _fit_ellipse(points, max(height, width))
    if ellipse is None:
        return None
    centred = abs(ellipse.x / width - 0.5) < 0.2 and abs(ellipse.y / height - 0.5) < 0.2
    if not centred:
        return None
    y, x = np.mgrid[:height, :width]
    outside = ellipse.radius(x, y) > 1
    _, labels = cv2.connectedComponents(dark.astype(np.uint8))
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])
    border = np.isin(labels, rim[rim > 0])
    agreement = (outside & border).sum() / max(1, (outside | border).sum())
    return ellipse if agreement >= _LEAST_AGREEMENT else None


def _rim_points(dark: np.ndarray) -> np.ndarray:
    """Walk from the edge to the middle in all directions; return where darkness ends, (N, 2) x y.

    Directions whose edge is lit give no point.
    """
    height, width = dark.shape
    angles = np.arange(_RAYS) * 2 * np.pi / _RAYS
    cx, cy = (width - 1) / 2, (height - 1) / 2
    dx, dy = np.cos(angles), np.sin(angles)
    with np.errstate(divide="ignore"):
        reach = np.minimum(cx / np.abs(dx), cy / np.abs(dy))
    steps = np.linspace(1, 0, max(height, width))[None, :]
    x = cx + reach[:, None] * dx[:, None] * steps
    y = cy + reach[:, None] * dy[:, None] * steps
    along = dark[np.rint(y).astype(int), np.rint(x).astype(int)]
    first = (~along).argmax(axis=1)
    found = along[:, 0] & (~along).any(axis=1)
    rays = np.flatnonzero(found)
    return np.stack([x[rays, first[rays]], y[rays, first[rays]]], axis=1)


def _fit_ellipse(points: np.ndarray, side: int) -> _Ellipse | None:
    """Fit circles in pictures stretched by several aspects; return the best, or None if none fits.

    Arcs in the corners alone do not tell the aspect well: of equal fits the roundest wins.
    """
    best, best_cost = None, np.inf
    for aspect in _ASPECTS:
        stretched = points * (1.0, aspect)
        circle = _fit_circle(stretched)
        if circle is None:
            continue
        x, y, radius = circle
        miss = np.abs(np.hypot(*(stretched - (x, y)).T) - radius)
        cost = float(np.median(miss)) + 0.002 * side * abs(np.log(aspect))
        if cost < best_cost:
            best_cost, best = cost, (_Ellipse(x, y / aspect, radius, radius / aspect), miss)
    if best is None:
        return None
    ellipse, miss = best
    return ellipse if np.percentile(miss, 80) <= _RIM_TOLERANCE * side else None


def _fit_circle(points: np.ndarray) -> tuple[float, float, float] | None:
    """Fit a circle by least squares (Kasa), twice more without the points that miss it most."""
    kept = points
    for _ in range(3):
        design = np.column_stack([2 * kept, np.ones(len(kept))])
        (x, y, c), *_ = np.linalg.lstsq(design, (kept**2).sum(axis=1), rcond=None)
        squared = c + x * x + y * y
        if squared <= 0:
            return None
        radius = float(np.sqrt(squared))
        miss = np.abs(np.hypot(*(points - (x, y)).T) - radius)
        kept = points[miss <= max(1.0, 2.5 * float(np.median(miss)))]
    return float(x), float(y), radius


def _inscribed(ellipse: _Ellipse, height: int, width: int) -> Box:
    """Return the largest upright rectangle in both the ellipse and the picture."""
    rx, ry = _INWARD * ellipse.rx, _INWARD * ellipse.ry
    half_width = np.linspace(0.05, 1.0, 191) * rx
    half_height = ry * np.sqrt(np.maximum(0, 1 - (half_width / rx) ** 2))
    left = np.ceil(np.maximum(0, ellipse.x - half_width))
    right = np.floor(np.minimum(width, ellipse.x + half_width + 1))
    top = np.ceil(np.maximum(0, ellipse.y - half_height))
    bottom = np.floor(np.minimum(height, ellipse.y + half_height + 1))
    best = int((np.maximum(0, right - left) * np.maximum(0, bottom - top)).argmax())
    return (int(top[best]), int(bottom[best]), int(left[best]), int(right[best]))


def _enlarge(box: Box, size: tuple[int, int], shape: tuple[int, int]) -> Box:
    """Bring a box from the small picture (width, height) to the full one (H, W), inwards."""
    rows, columns = shape[0] / size[1], shape[1] / size[0]
    return (
        int(np.ceil(box[0] * rows)),
        int(box[1] * rows),
        int(np.ceil(box[2] * columns)),
        int(box[3] * columns),
    )
