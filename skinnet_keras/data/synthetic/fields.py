"""Periodic noise tiles and fields that sample them at any point of the plane.

The tiles are made once per process from a fixed seed; a lesion owns only the placement (offset,
rotation, period) of its fields. One field costs one `cv2.remap`, whatever the image size.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

Array = NDArray[np.floating[Any]]
Kind = Literal["smooth", "fractal", "ridges", "fray", "dots", "network"]

TILE = 256
CELLS_PER_TILE = 16
"""Cells (dots, network meshes) and ridges along one side of a tile."""


def _spectral(rng: np.random.Generator, low: float, high: float, slope: float) -> Array:
    """Noise of unit variance with amplitude f^-slope between two frequencies (cycles a tile)."""
    frequency = np.hypot(*np.meshgrid(np.fft.fftfreq(TILE), np.fft.rfftfreq(TILE), indexing="ij"))
    frequency = np.maximum(frequency * TILE, 1e-6)
    gain = np.where((frequency >= low) & (frequency <= high), frequency**-slope, 0.0)
    noise = np.fft.irfft2(np.fft.rfft2(rng.standard_normal((TILE, TILE))) * gain, (TILE, TILE))
    return ((noise - noise.mean()) / noise.std()).astype(np.float32)


def _cell_distances(rng: np.random.Generator) -> tuple[Array, Array]:
    """Distances, in cells, from each tile pixel to the two nearest points of a jittered grid."""
    grid = np.stack(np.meshgrid(*[np.arange(CELLS_PER_TILE)] * 2), -1).reshape(-1, 2)
    points = (grid + rng.uniform(0.12, 0.88, grid.shape)) % CELLS_PER_TILE
    pixels = np.stack(np.meshgrid(*[np.arange(TILE)] * 2), -1) * (CELLS_PER_TILE / TILE)
    distance, _ = cKDTree(points, boxsize=CELLS_PER_TILE).query(pixels.reshape(-1, 2), k=2)
    nearest, second = distance.reshape(TILE, TILE, 2).astype(np.float32).transpose(2, 0, 1)
    return nearest, second


@cache
def tile(kind: Kind) -> Array:
    """A periodic (256, 256) float32 pattern.

    Args:
        kind: Noise of mean 0 and variance 1: "smooth" (few cycles), "fractal" (1/f^1.5), "fray"
            (less fine detail), "ridges" (one frequency). In 0..1: "dots" (round globules) and
            "network" (the lines of a mesh).
    """
    rng = np.random.default_rng([20190711, sum(kind.encode())])
    if kind == "smooth":
        return _spectral(rng, 1.5, 5, 1.0)
    if kind == "fractal":
        return _spectral(rng, 2, 64, 1.5)
    if kind == "ridges":
        return _spectral(rng, 0.8 * CELLS_PER_TILE, 1.1 * CELLS_PER_TILE, 0.0)
    if kind == "fray":
        return _spectral(rng, 2, 14, 1.3)
    nearest, second = _cell_distances(rng)
    if kind == "dots":
        return np.exp(-((nearest / 0.32) ** 4)).astype(np.float32)
    return np.exp(-(((second - nearest) / 0.22) ** 2)).astype(np.float32)


@dataclass(frozen=True)
class Field:
    """A tile laid over the plane: a deterministic function of two coordinates.

    Attributes:
        kind: The tile.
        period: Side of the tile in units of the coordinates.
        angle: Rotation in radians.
        offset: Shift in tile pixels.
    """

    kind: Kind
    period: float
    angle: float
    offset: tuple[float, float]

    @classmethod
    def draw(cls, rng: np.random.Generator, kind: Kind, period: float) -> Field:
        """Place a tile at random."""
        angle, x, y = rng.uniform(0, (2 * np.pi, TILE, TILE))
        return cls(kind, period, angle, (x, y))

    def __call__(self, u: Array, v: Array) -> Array:
        """Values at (u, v), both float32 (H, W); float32 (H, W) in the range of the tile."""
        c = np.float32(np.cos(self.angle) * TILE / self.period)
        s = np.float32(np.sin(self.angle) * TILE / self.period)
        x = c * u - s * v + np.float32(self.offset[0])
        y = s * u + c * v + np.float32(self.offset[1])
        values = cv2.remap(tile(self.kind), x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP)
        return np.asarray(values, np.float32)
