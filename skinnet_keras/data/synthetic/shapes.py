"""Lesion outlines, one family a class: where most of the diagnostic signal lies.

An outline is a level function of lesion coordinates: positive inside, 0 on the border, about
the distance to the border in lesion radii (the radius of the disc of equal area is 1).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from skinnet_keras.data.synthetic.fields import Array, Field

_BINS = 2048
_ANGLES = np.arange(_BINS) * (2 * np.pi / _BINS)


@dataclass(frozen=True)
class Polar:
    """A star-shaped outline: `radii[k]` at angle 2 pi k / 2048."""

    radii: Array

    def level(self, u: Array, v: Array) -> Array:
        """Radius of the outline in the point's direction minus the point's own."""
        radius, angle = cv2.cartToPolar(u, v)
        index = (angle * np.float32(_BINS / (2 * np.pi))).astype(np.int32) % _BINS
        return np.asarray(self.radii[index] - radius, np.float32)


@dataclass(frozen=True)
class Discs:
    """The union of discs, rows (x, y, radius)."""

    discs: Array

    def level(self, u: Array, v: Array) -> Array:
        """Signed distance to the union (exact outside, a bound inside)."""
        level = np.full(u.shape, -1e3, np.float32)
        for x, y, radius in self.discs.astype(np.float32):
            np.maximum(level, radius - cv2.magnitude(u - x, v - y), out=level)
        return level


@dataclass(frozen=True)
class Outline:
    """A shape, bent by slow noise, frayed by fast noise, centred, with the area of a unit disc.

    Attributes:
        shape: The ideal outline.
        bend: Two slow fields that displace the coordinates by `bending`.
        fray: A fast field that moves the border by up to `fraying`, on the side `ragged_side`
            (radians) only, or all around where that is None.
        scale: Size of the unit disc in the shape's units.
        centre: The lesion's centre in the shape's units.
    """

    shape: Polar | Discs
    bend: tuple[Field, Field]
    bending: float
    fray: Field
    fraying: float = 0.0
    ragged_side: float | None = None
    scale: float = 1.0
    centre: tuple[float, float] = (0.0, 0.0)

    def level(self, u: Array, v: Array) -> Array:
        """Level at lesion coordinates (u, v), float32 (H, W) each; float32 (H, W)."""
        x = np.float32(self.scale) * u + np.float32(self.centre[0])
        y = np.float32(self.scale) * v + np.float32(self.centre[1])
        bend_x, bend_y = self.bend
        bending = np.float32(self.bending)
        shifted_x, shifted_y = x + bending * bend_x(x, y), y + bending * bend_y(x, y)
        level = self.shape.level(shifted_x, shifted_y)
        if self.fraying:
            fraying = np.float32(self.fraying) * self.fray(x, y)
            if self.ragged_side is not None:
                side = x * np.float32(np.cos(self.ragged_side))
                side += y * np.float32(np.sin(self.ragged_side))
                fraying *= np.clip(2.5 * side, 0, 1)
            level += fraying
        return np.asarray(level / np.float32(self.scale), np.float32)

    def normalised(self) -> Outline:
        """The same outline moved to the origin and scaled to the area of the unit disc."""
        grid = np.linspace(-2.4, 2.4, 65, dtype=np.float32)
        x, y = np.meshgrid(grid, grid)
        inside = self.level(x, y) > 0
        area = inside.sum() * float(grid[1] - grid[0]) ** 2
        centre = (float(x[inside].mean()), float(y[inside].mean()))
        return replace(self, scale=float(np.sqrt(area / np.pi)), centre=centre)


def _harmonics(rng: np.random.Generator, orders: range, amplitude: float) -> Array:
    """A random periodic curve of standard deviation `amplitude`, weights falling with order."""
    k = np.asarray(orders)[:, None]
    weights = rng.uniform(0.4, 1, k.shape) / np.sqrt(k)
    curve = (weights * np.cos(k * _ANGLES + rng.uniform(0, 2 * np.pi, k.shape))).sum(0)
    return (curve * (amplitude / curve.std())).astype(np.float32)


def _ellipse(rng: np.random.Generator, elongation: float) -> Array:
    """Radii of an ellipse in a random direction; `elongation` is long over short axis."""
    angle = _ANGLES - rng.uniform(0, np.pi)
    root = np.sqrt(elongation)
    return (1 / np.hypot(np.cos(angle) / root, np.sin(angle) * root)).astype(np.float32)


def _bumps(angles: Array, widths: Array, heights: Array) -> Array:
    """Sum of triangular bumps on the circle (half-widths in radians)."""
    gap = np.abs((_ANGLES[None] - angles[:, None] + np.pi) % (2 * np.pi) - np.pi)
    bumps = heights[:, None] * np.clip(1 - gap / widths[:, None], 0, None)
    return np.asarray(bumps.sum(0), np.float32)


def _spaced_angles(rng: np.random.Generator, n: int, jitter: float) -> Array:
    steps = np.arange(n) + rng.uniform(-jitter, jitter, n)
    return ((steps / n * 2 * np.pi + rng.uniform(0, 2 * np.pi)) % (2 * np.pi)).astype(np.float32)


def _ring(
    rng: np.random.Generator, n: int, distance: tuple[float, float], radius: tuple[float, float]
) -> Array:
    """`n` discs around the origin, rows (x, y, radius)."""
    angles, away = _spaced_angles(rng, n, 0.25), rng.uniform(*distance, n)
    return np.stack([away * np.cos(angles), away * np.sin(angles), rng.uniform(*radius, n)], 1)


def _outline(
    rng: np.random.Generator,
    shape: Polar | Discs,
    *,
    bending: float,
    fraying: float = 0.0,
    ragged_side: float | None = None,
) -> Outline:
    bend = (Field.draw(rng, "smooth", 4.0), Field.draw(rng, "smooth", 4.0))
    fray = Field.draw(rng, "fray", 2.4)
    return Outline(shape, bend, bending, fray, fraying, ragged_side).normalised()


def melanoma(rng: np.random.Generator) -> Outline:
    """Asymmetric and irregular: a skewed body, notches, and pseudopods on one side."""
    radii = _ellipse(rng, rng.uniform(1.0, 1.5)) * (
        1 + _harmonics(rng, range(1, 4), rng.uniform(0.10, 0.18))
    )
    n = int(rng.integers(2, 5))
    radii -= _bumps(
        rng.uniform(0, 2 * np.pi, n), rng.uniform(0.18, 0.4, n), rng.uniform(0.25, 0.5, n)
    )
    n = int(rng.integers(2, 5))
    side = rng.uniform(0, 2 * np.pi)
    radii += _bumps(
        side + rng.normal(0, 0.6, n), rng.uniform(0.15, 0.3, n), rng.uniform(0.15, 0.35, n)
    )
    shape = Polar(np.maximum(radii, 0.25))
    return _outline(rng, shape, bending=0.07, fraying=rng.uniform(0.03, 0.07))


def nevus(rng: np.random.Generator) -> Outline:
    """Oval with a smooth border."""
    radii = _ellipse(rng, rng.uniform(1.15, 1.7)) * (1 + _harmonics(rng, range(2, 5), 0.03))
    return _outline(rng, Polar(radii), bending=0.03, fraying=rng.uniform(0.0, 0.015))


def basal_cell_carcinoma(rng: np.random.Generator) -> Outline:
    """Three to five big lobes like a clover, one side ragged."""
    n = int(rng.integers(3, 6))
    discs = np.concatenate([_ring(rng, n, (0.6, 0.8), (0.38, 0.52)), [[0, 0, 0.45]]])
    return _outline(
        rng,
        Discs(discs),
        bending=0.05,
        fraying=rng.uniform(0.10, 0.18),
        ragged_side=rng.uniform(0, 2 * np.pi),
    )


def actinic_keratosis(rng: np.random.Generator) -> Outline:
    """Several thin, ill-shaped islands."""
    n = int(rng.integers(3, 7))
    distance = (0.65, 1.0) if n > 3 else (0.55, 0.75)
    islands = _ring(rng, n, distance, (0.26, 0.46))
    return _outline(rng, Discs(islands), bending=0.12, fraying=rng.uniform(0.08, 0.13))


def benign_keratosis(rng: np.random.Generator) -> Outline:
    """Round lobules of uneven width with sharp clefts between them, as if stuck on."""
    n = int(rng.integers(7, 12))
    cleft = np.sort(_spaced_angles(rng, n, 0.3))
    width = np.diff(cleft, append=cleft[0] + 2 * np.pi)
    lobule = (np.searchsorted(cleft, _ANGLES, side="right") - 1) % n
    phase = ((_ANGLES - cleft[lobule]) % (2 * np.pi)) / width[lobule]
    scallop = np.sqrt(np.clip(1 - (2 * phase - 1) ** 2, 0, 1)) * rng.uniform(0.7, 1.2, n)[lobule]
    body = _ellipse(rng, rng.uniform(1.0, 1.4)) * (1 + _harmonics(rng, range(1, 4), 0.07))
    radii = body * (0.8 + rng.uniform(0.18, 0.3) * scallop)
    return _outline(rng, Polar(radii), bending=0.05)


def dermatofibroma(rng: np.random.Generator) -> Outline:
    """Round and plain."""
    radii = _ellipse(rng, rng.uniform(1.0, 1.12)) * (1 + _harmonics(rng, range(3, 6), 0.015))
    return _outline(rng, Polar(radii), bending=0.015)


def vascular_lesion(rng: np.random.Generator) -> Outline:
    """A cluster of sharply cut round lacunae that touch or overlap a little."""
    n = int(rng.integers(6, 12))
    discs = [(0.0, 0.0, rng.uniform(0.28, 0.42))]
    while len(discs) < n:
        x, y, radius = discs[int(rng.integers(len(discs)))]
        size, angle = rng.uniform(0.16, 0.4), rng.uniform(0, 2 * np.pi)
        reach = (radius + size) * rng.uniform(0.8, 1.0)
        x, y = x + reach * np.cos(angle), y + reach * np.sin(angle)
        compact = np.hypot(x, y) < 0.95
        if compact and all(np.hypot(x - a, y - b) > 0.75 * (size + r) for a, b, r in discs):
            discs.append((x, y, size))
    return _outline(rng, Discs(np.asarray(discs)), bending=0.03)


def squamous_cell_carcinoma(rng: np.random.Generator) -> Outline:
    """A star: narrow spikes of uneven length around a body."""
    n = int(rng.integers(8, 14))
    spikes = _bumps(
        _spaced_angles(rng, n, 0.35), rng.uniform(0.16, 0.32, n), rng.uniform(0.15, 0.55, n)
    )
    body = _ellipse(rng, rng.uniform(1.0, 1.4)) * (1 + _harmonics(rng, range(1, 4), 0.06))
    shape = Polar(body * (0.72 + spikes))
    return _outline(rng, shape, bending=0.08, fraying=rng.uniform(0.02, 0.04))


def granuloma_annulare(rng: np.random.Generator) -> Outline:
    """A ring of beads around clear skin."""
    beads = _ring(rng, int(rng.integers(11, 15)), (0.9, 1.02), (0.26, 0.36))
    return _outline(rng, Discs(beads), bending=0.05, fraying=rng.uniform(0.0, 0.03))


OUTLINES: dict[str, Callable[[np.random.Generator], Outline]] = {
    "MEL": melanoma,
    "NV": nevus,
    "BCC": basal_cell_carcinoma,
    "AK": actinic_keratosis,
    "BKL": benign_keratosis,
    "DF": dermatofibroma,
    "VASC": vascular_lesion,
    "SCC": squamous_cell_carcinoma,
    "UNK": granuloma_annulare,
}
