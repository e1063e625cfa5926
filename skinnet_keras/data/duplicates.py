"""Copies of the same picture: found by perceptual hash, believed only when the pixels agree.

A candidate pair has 64-bit hashes within `HASH_RADIUS` in one of three comparisons: whole with
whole, or the whole of one with the centre crop of the other. It is confirmed on the fine detail
of 64x64 thumbnails, tile by tile: lesions in the middle of smooth skin look alike to a hash, and
images of one dermoscope share vignette, ruler and calibration sticker, so no few tiles may decide.
Detail survives what data sets do to copies (resizing, recompression, aspect squash, centre crop,
changed colours, hair removal). Flips and rotations are not looked for, nor copies squashed from
an aspect other than 4:3 beside centre crops of the same picture.

Measured on 9,160 reduced images of ISIC-2017, HAM10000, ISIC-2019 and ISIC-2020, ids withheld:
959 of the 960 pairs of one id in two sets are found (the hashes of the last one are too far
apart), and 16 more pairs, all of them the same lesion in the same view when looked at, under two
names. The threshold lies between the least correlation of the 959, 0.69, and that of the closest
pair of two different lesions, 0.31; it was chosen on these images, so other sets may do worse.
Command: `pytest -s -m slow tests/data/test_duplicates.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter

from skinnet_keras.data.fingerprints import THUMBNAIL_SIZE, Fingerprint

HASH_RADIUS = 10
"""Largest Hamming distance of a candidate pair."""

MIN_DETAIL_CORRELATION = 0.5
"""A pair is confirmed when three quarters of its tiles correlate at least this much."""

_COMPARISONS = ((0, 0), (0, 1), (1, 0))  # views: 0 whole, 1 centre crop
_DETAIL_SIGMA = 1.5  # thumbnail pixels; what a Gaussian of this width leaves is detail
_TILES = 4  # a side
_FLAT = 0.5  # grey levels; tiles with less detail in both images say nothing
_PAIRS_AT_ONCE = 2048
_DISTANCES_AT_ONCE = 2**18  # fits the CPU's cache


def matching_pictures(fingerprints: Sequence[Fingerprint]) -> np.ndarray:
    """Find pairs of images that show the same picture.

    Args:
        fingerprints: One an image.

    Returns:
        int64 array of shape (P, 2): row numbers, the smaller first, without repeats.
    """
    if not fingerprints:
        return np.empty((0, 2), dtype=np.int64)
    hashes = np.stack([item.hashes for item in fingerprints])
    thumbnails = np.stack([item.thumbnails for item in fingerprints])
    found = [np.empty((0, 2), dtype=np.int64)]
    for view, other_view in _COMPARISONS:
        pairs = near_hashes(hashes[:, view], hashes[:, other_view], HASH_RADIUS)
        for start in range(0, len(pairs), _PAIRS_AT_ONCE):
            some = pairs[start : start + _PAIRS_AT_ONCE]
            left = thumbnails[some[:, 0], view]
            right = thumbnails[some[:, 1], other_view]
            found.append(some[detail_correlation(left, right) >= MIN_DETAIL_CORRELATION])
    return np.unique(np.concatenate(found), axis=0)


def near_hashes(left: np.ndarray, right: np.ndarray, radius: int) -> np.ndarray:
    """Compare every hash of `left` with every later one of `right`.

    Args:
        left: uint64 array of shape (N,).
        right: uint64 array of shape (N,), another view of the same images.
        radius: Largest Hamming distance.

    Returns:
        int64 array of shape (P, 2): all i < j with distance(left[i], right[j]) <= radius.
    """
    count = len(left)
    rows = max(1, _DISTANCES_AT_ONCE // max(count, 1))
    found = [np.empty((0, 2), dtype=np.int64)]
    for start in range(0, count, rows):
        later = right[start + 1 :]
        distance = np.bitwise_count(left[start : start + rows, None] ^ later[None, :])
        i, j = np.nonzero(distance <= radius)
        pairs = np.column_stack((i + start, j + start + 1))
        found.append(pairs[pairs[:, 0] < pairs[:, 1]])
    return np.concatenate(found)


def detail_correlation(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Correlate the fine detail of image pairs tile by tile.

    Args:
        left: uint8 array of shape (P, 64, 64), grey thumbnails.
        right: Likewise.

    Returns:
        float32 array of shape (P,): the correlation (-1..1) that three quarters of the tiles
        with any detail reach; 0 where fewer than half of the tiles have detail.
    """
    a, b = _detail_tiles(left), _detail_tiles(right)
    energy_a, energy_b = (a * a).mean(axis=2), (b * b).mean(axis=2)
    flat = (energy_a < _FLAT**2) & (energy_b < _FLAT**2)
    correlation = (a * b).mean(axis=2) / np.sqrt(energy_a * energy_b + 1e-6)
    # Flat tiles sort to the end; the quartile counts the others only.
    ranked = np.sort(np.where(flat, np.inf, correlation), axis=1)
    informative = (~flat).sum(axis=1)
    quartile = ranked[np.arange(len(ranked)), informative // 4]
    return np.where(informative >= _TILES**2 / 2, quartile, 0.0).astype(np.float32)


def _detail_tiles(thumbnails: np.ndarray) -> np.ndarray:
    grey = thumbnails.astype(np.float32)
    detail = grey - gaussian_filter(grey, (0, _DETAIL_SIGMA, _DETAIL_SIGMA))
    side = THUMBNAIL_SIZE // _TILES
    tiles = detail.reshape(len(grey), _TILES, side, _TILES, side).swapaxes(2, 3)
    tiles = tiles.reshape(len(grey), _TILES**2, side * side)
    return tiles - tiles.mean(axis=2, keepdims=True)
