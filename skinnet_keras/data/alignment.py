"""Whether two pictures agree in their detail once one is laid on the other.

A copy is a centre crop of its original: laid on it with a scale for each axis, it needs no shift.
A second photograph of the lesion, taken by hand, shows the same details a little displaced. So
scales and shift are estimated (Gauss-Newton, inverse compositional: Baker and Matthews,
"Lucas-Kanade 20 years on", IJCV 56(3), 2004), a shift tells against a copy, and the fine detail
has to agree tile by tile: images of one dermoscope share vignette, ruler and calibration sticker,
and lesions in the middle of smooth skin look alike, so no few tiles may decide, nor the outlines
in a tile over its texture.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy.ndimage import gaussian_filter1d

MAX_SHIFT = 0.005
"""Of the side: one pixel of a copy of 200 pixels. A copy shows nothing displaced further."""

COARSE_SIZE = 24
"""Cells a side of coarse details."""

_SIZE = 64  # pixels a side of the compared pictures
# Side, sigmas of the two blurs between which the compared band lies (in pixels of that side, 0 is
# no blur), Gauss-Newton steps.
_COARSE_STAGE = (32, 0.6, 2.0, 5)
_FINE_STAGE = (64, 0.0, 1.5, 3)
_FINE_BAND = (0.0, 1.5)
_HOPELESS = 0.1  # correlation after the coarse stage that the fine one cannot mend
_MAX_RESCALING = 1.08  # of the assumed crop: the hashed crops are less far apart
_MARGIN = 4  # pixels that are not compared: a black border of one copy bleeds into them
_TILES = 4  # a side
_FLAT = 0.5  # grey levels; tiles with less detail in both pictures say nothing
_NEIGHBOURHOOD = 1.5  # pixels, sigma
_NOISE = 0.3  # grey levels; contrast below this is not amplified
_QUANTUM = 20.0  # a standard deviation in the int8 numbers of coarse details


def aligned_correlation(
    left: np.ndarray, right: np.ndarray, crops: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Correlate the fine detail of pictures, the second laid on a centre crop of the first.

    Args:
        left: uint8 array of shape (P, S, S), grey.
        right: Likewise.
        crops: float array of shape (P, 2): the width and the height of the crop of `left` that
            `right` seems to show, as shares (0..1]; corrected by up to 8 %.

    Returns:
        float32 array of shape (P,): the correlation (-1..1) that three quarters of the tiles
        with any detail reach; 0 where fewer than half of the tiles have detail. Bool array of
        shape (P,): whether the pictures had to be shifted by more than `MAX_SHIFT`.
    """
    left, right, crops = (item.astype(np.float32) for item in (left, right, crops))
    scale, shift = _register(left, right, crops, crops, np.zeros_like(crops), _COARSE_STAGE)
    correlation = _tile_correlation(left, right, scale, shift)
    some = np.flatnonzero(correlation >= _HOPELESS)
    scale[some], shift[some] = _register(
        left[some], right[some], crops[some], scale[some], shift[some], _FINE_STAGE
    )
    correlation[some] = _tile_correlation(left[some], right[some], scale[some], shift[some])
    # Positions run over -1..1, and a shift counts in shares of `right`, which is the crop.
    displaced = (np.abs(shift / scale / 2) > MAX_SHIFT).any(axis=1)
    at_limit = np.abs(np.log(scale / crops)) >= 0.99 * np.log(_MAX_RESCALING)
    return np.where(at_limit.any(axis=1), 0, correlation).astype(np.float32), displaced


def coarse_details(pictures: np.ndarray, crop: tuple[float, float]) -> np.ndarray:
    """Reduce a centre crop of each picture to what tells it apart at first sight.

    Args:
        pictures: uint8 array of shape (N, S, S), grey.
        crop: Shares of width and height.

    Returns:
        int8 array of shape (N, COARSE_SIZE, COARSE_SIZE): the crop without its slow changes,
        standardised.
    """
    scale = np.array([crop], dtype=np.float32)
    seen = _lay(pictures.astype(np.float32), scale, np.zeros_like(scale), COARSE_SIZE)
    details = _standardised(_band(seen, 0.0, 0.6))
    return np.rint(details * _QUANTUM).clip(-127, 127).astype(np.int8)


def coarse_correlation(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Correlate coarse details of pairs.

    Args:
        left: int8 array of shape (P, COARSE_SIZE, COARSE_SIZE), from `coarse_details`.
        right: Likewise.

    Returns:
        float32 array of shape (P,): -1..1.
    """
    a, b = (item.reshape(len(item), -1).astype(np.float32) for item in (left, right))
    return np.einsum("pk,pk->p", a, b) / np.float32(COARSE_SIZE**2 * _QUANTUM**2)


def _register(
    left: np.ndarray,
    right: np.ndarray,
    crops: np.ndarray,
    scale: np.ndarray,
    shift: np.ndarray,
    stage: tuple[int, float, float, int],
) -> tuple[np.ndarray, np.ndarray]:
    """Improve the scale and shift, float32 (P, 2) each, that lay `left` on `right`."""
    size, fine, coarse, steps = stage
    still = np.zeros_like(shift)
    target = _standardised(_band(_lay(right, still + 1, still, size), fine, coarse))
    across, down = np.zeros_like(target), np.zeros_like(target)
    across[:, :, 1:-1] = (target[:, :, 2:] - target[:, :, :-2]) * (size / 4)
    down[:, 1:-1] = (target[:, 2:] - target[:, :-2]) * (size / 4)
    at = _positions(size)
    slopes = np.stack([across * at, down * at[:, None], across, down], axis=1)
    slopes = slopes.reshape(len(target), 4, size * size)
    normal = slopes @ slopes.swapaxes(1, 2)
    damping = 0.01 * np.trace(normal, axis1=1, axis2=2)[:, None, None] + np.float32(1e-3)
    inverse = np.linalg.inv(normal + damping * np.eye(4, dtype=np.float32))
    limit = np.log(_MAX_RESCALING)
    for _ in range(steps):
        seen = _standardised(_band(_lay(left, scale, shift, size), fine, coarse))
        error = (seen - target).reshape(len(target), size * size, 1)
        step = (inverse @ (slopes @ error))[..., 0].clip(-0.05, 0.05)
        grown = scale / (1 + step[:, :2])
        shift = np.clip(shift - grown * step[:, 2:], -0.1, 0.1)
        scale = crops * np.exp(np.clip(np.log(grown / crops), -limit, limit))
    return scale, shift


def _tile_correlation(
    left: np.ndarray, right: np.ndarray, scale: np.ndarray, shift: np.ndarray
) -> np.ndarray:
    still = np.zeros_like(shift)
    detail = _band(_lay(left, scale, shift, _SIZE), *_FINE_BAND)
    other = _band(_lay(right, still + 1, still, _SIZE), *_FINE_BAND)
    flat = (_energy(_tiles(detail)) < _FLAT**2) & (_energy(_tiles(other)) < _FLAT**2)
    a, b = _tiles(_even(detail)), _tiles(_even(other))
    correlation = (a * b).mean(axis=2) / np.sqrt(_energy(a) * _energy(b) + 1e-6)
    # Flat tiles sort to the end; the quartile counts the others only.
    ranked = np.sort(np.where(flat, np.inf, correlation), axis=1)
    informative = (~flat).sum(axis=1)
    quartile = ranked[np.arange(len(ranked)), informative // 4]
    return np.where(informative >= _TILES**2 / 2, quartile, 0)


def _even(detail: np.ndarray) -> np.ndarray:
    """Divide by the contrast around each pixel: texture counts as much as an outline."""
    blur = _blur(_SIZE, _NEIGHBOURHOOD)
    return detail / np.sqrt(blur @ (detail * detail) @ blur.T + np.float32(_NOISE**2))


def _energy(tiles: np.ndarray) -> np.ndarray:
    return (tiles * tiles).mean(axis=2)


def _tiles(detail: np.ndarray) -> np.ndarray:
    inner = detail[:, _MARGIN:-_MARGIN, _MARGIN:-_MARGIN]
    side = inner.shape[1] // _TILES
    tiles = inner.reshape(len(inner), _TILES, side, _TILES, side).swapaxes(2, 3)
    tiles = tiles.reshape(len(inner), _TILES**2, side * side)
    return tiles - tiles.mean(axis=2, keepdims=True)


def _lay(pictures: np.ndarray, scale: np.ndarray, shift: np.ndarray, size: int) -> np.ndarray:
    """Sample float32 (P, S, S) at `positions * scale + shift`, bilinearly: (P, size, size)."""
    columns, rows = (
        _weights(scale[:, axis], shift[:, axis], pictures.shape[1], size) for axis in (0, 1)
    )
    return rows @ pictures @ columns.swapaxes(1, 2)


def _weights(scale: np.ndarray, shift: np.ndarray, source: int, size: int) -> np.ndarray:
    """Interpolation matrices (P, size, source); smaller sizes average over several samples."""
    samples = max(1, _SIZE // size)
    at = _positions(size * samples) * scale[:, None] + shift[:, None]
    at = np.clip((at + 1) / 2 * source - 0.5, 0, source - 1)[..., None]
    weights = np.maximum(0, 1 - np.abs(at - np.arange(source, dtype=np.float32)))
    return weights.reshape(len(scale), size, samples, source).mean(axis=2)


def _band(pictures: np.ndarray, fine: float, coarse: float) -> np.ndarray:
    """What a blur of `fine` pixels leaves and one of `coarse` pixels takes away."""
    size = pictures.shape[1]
    wide = _blur(size, coarse)
    smooth = wide @ pictures @ wide.T
    if fine:
        narrow = _blur(size, fine)
        pictures = narrow @ pictures @ narrow.T
    return pictures - smooth


def _standardised(pictures: np.ndarray) -> np.ndarray:
    pictures = pictures - pictures.mean(axis=(1, 2), keepdims=True)
    return pictures / (pictures.std(axis=(1, 2), keepdims=True) + np.float32(1e-3))


@cache
def _positions(size: int) -> np.ndarray:
    return ((np.arange(size) + 0.5) / size * 2 - 1).astype(np.float32)


@cache
def _blur(size: int, sigma: float) -> np.ndarray:
    """A Gaussian as a matrix: `blur @ picture @ blur.T`."""
    return gaussian_filter1d(np.eye(size, dtype=np.float32), sigma, axis=0, mode="nearest")
