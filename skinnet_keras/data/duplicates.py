"""Copies of the same picture: found by perceptual hash, believed only when the pixels agree.

1. Candidates: the 64-bit hash of a picture, or of a centre crop of it, lies within `HASH_RADIUS`
   of the hash of another picture. Two hashes take part, pHash as it is and pHash after dark hair
   is closed (see `fingerprints`).
2. A first look at 24 x 24 cells drops most candidates.
3. The pictures are laid on one another, and their detail is compared (see `alignment`).

"Same picture" only: another photograph of the lesion stays, even in the same view.

Measured by `scripts/benchmarks/duplicates.py --data` on 9,160 reduced images of ISIC-2017,
HAM10000, ISIC-2019 and ISIC-2020, names withheld: with the threshold chosen on one half of the
ids, all pairs of one id in the other half are found (475 and 485, recall 1), with a precision of
0.992 and 0.998, though the 10 pairs of two ids that are found show one photograph to the eye.
`MIN_CORRELATION` is above both chosen thresholds, 0.30 and 0.32: synthetic smooth lesions of one
outline reach 0.34; the least of the 960 true pairs has 0.51, the most of other real pairs 0.13.

Of distorted copies it finds 97 to 100 % after resizing, JPEG 30, blur, brightness, contrast, drawn
hair, crops of 80 to 95 % and of 2/3 to 7/8 of the width, and no pair of different images. Not
found: crops below 75 % or more than 0.5 % off the centre, crops of the height alone, 44 % at JPEG
10, and, without `orientations`, flips and rotations (with it 95 to 99 %). That option is off by
default: it takes eight times the look-ups, and data sets do not turn their copies.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from skinnet_keras.data.alignment import aligned_correlation, coarse_correlation, coarse_details
from skinnet_keras.data.fingerprints import CROPS, Fingerprint
from skinnet_keras.data.hash_index import HashIndex
from skinnet_keras.data.orientations import ORIENTATIONS, orient, orient_crop, orient_hashes

HASH_RADIUS = 8
"""Largest Hamming distance of a candidate pair."""

MIN_CORRELATION = 0.4
"""Least `aligned_correlation` of copies."""

MIN_VIEW_CORRELATION = 0.5
"""Least `aligned_correlation` of two pictures of one lesion in nearly the same view."""

MIN_COARSE_CORRELATION = 0.45
"""Least `coarse_correlation` of pairs worth a second look."""

_LEAST_BITS = 24  # of a hash; pictures have 32 bits set, flat ones hardly any
# Small batches stay in the CPU's cache; larger ones take twice as long.
_LOOKED_AT_ONCE = 2**12
_REDUCED_AT_ONCE = 256
_ALIGNED_AT_ONCE = 32


@dataclass(frozen=True, eq=False)
class Comparison:
    """Pairs of pictures that were laid on one another.

    Attributes:
        pairs: int64 (P, 2): row numbers, the smaller first, without repeats.
        correlation: float32 (P,): `aligned_correlation`.
        displaced: bool (P,): whether that took a shift, which no copy needs.
    """

    pairs: np.ndarray
    correlation: np.ndarray
    displaced: np.ndarray

    @property
    def similarity(self) -> np.ndarray:
        """Float32 (P,): the correlation, but 0 of pairs that are displaced."""
        return np.where(self.displaced, np.float32(0), self.correlation)

    @property
    def copies(self) -> np.ndarray:
        """Bool (P,): whether both are the same picture."""
        return self.similarity >= MIN_CORRELATION

    @property
    def same_view(self) -> np.ndarray:
        """Bool (P,): whether they are two pictures of one lesion in nearly the same view."""
        return ~self.copies & (self.correlation >= MIN_VIEW_CORRELATION)


def compare_pictures(
    fingerprints: Sequence[Fingerprint], *, orientations: bool = False
) -> Comparison:
    """Find the pairs that pass the first look, and lay them on one another.

    Args:
        fingerprints: One an image.
        orientations: Whether to look for flipped and rotated copies too.
    """
    pairs = [np.empty((0, 2), dtype=np.int64)]
    results = [(np.empty(0, dtype=np.float32), np.empty(0, dtype=bool))]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for candidates, crop, orientation in _candidates(fingerprints, orientations):

            def compare(
                some: np.ndarray,
                crop: tuple[float, float] = crop,
                orientation: int = orientation,
            ) -> tuple[np.ndarray, np.ndarray]:
                left = orient(_thumbnails(fingerprints, some[:, 0]), orientation)
                crops = np.tile(orient_crop(crop, orientation), (len(some), 1))
                return aligned_correlation(left, _thumbnails(fingerprints, some[:, 1]), crops)

            pairs.append(candidates)
            results += pool.map(compare, _batches(candidates, _ALIGNED_AT_ONCE))
    correlation, displaced = (np.concatenate(parts) for parts in zip(*results, strict=True))
    return _best(Comparison(np.sort(np.concatenate(pairs), axis=1), correlation, displaced))


def _candidates(
    fingerprints: Sequence[Fingerprint], orientations: bool
) -> Iterator[tuple[np.ndarray, tuple[float, float], int]]:
    """Pairs (int64, (P, 2)) of which the first, cropped and oriented, may be the second."""
    if not fingerprints:
        return
    hashes = np.stack([item.hashes for item in fingerprints])
    rows = np.flatnonzero((np.bitwise_count(hashes) >= _LEAST_BITS).all(axis=1))
    hashes = hashes[rows]
    plain = HashIndex(hashes[:, 0], HASH_RADIUS)
    hairless = HashIndex(hashes[:, 1], HASH_RADIUS)
    whole = _coarse_details(fingerprints, rows, CROPS[0])
    for number, crop in enumerate(CROPS):
        details = whole if number == 0 else _coarse_details(fingerprints, rows, crop)
        for orientation in range(ORIENTATIONS if orientations else 1):
            near = hairless.near(orient_hashes(hashes[:, 1 + number], orientation))
            if number == 0:
                near = np.concatenate((near, plain.near(orient_hashes(hashes[:, 0], orientation))))
                near = np.unique(near[near[:, 0] < near[:, 1]], axis=0)
            near = near[near[:, 0] != near[:, 1]]
            similar = [
                coarse_correlation(orient(details[some[:, 0]], orientation), whole[some[:, 1]])
                >= MIN_COARSE_CORRELATION
                for some in _batches(near, _LOOKED_AT_ONCE)
            ]
            yield rows[near[np.concatenate([np.empty(0, dtype=bool), *similar])]], crop, orientation


def _coarse_details(
    fingerprints: Sequence[Fingerprint], rows: np.ndarray, crop: tuple[float, float]
) -> np.ndarray:
    parts = [
        coarse_details(_thumbnails(fingerprints, some), crop)
        for some in _batches(rows, _REDUCED_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 0, 0), dtype=np.int8)


def _thumbnails(fingerprints: Sequence[Fingerprint], rows: np.ndarray) -> np.ndarray:
    return np.stack([fingerprints[row].thumbnail for row in rows])


def _batches(array: np.ndarray, size: int) -> Iterator[np.ndarray]:
    return (array[start : start + size] for start in range(0, len(array), size))


def _best(found: Comparison) -> Comparison:
    """Each pair once, as it is most similar."""
    pairs = found.pairs
    order = np.lexsort((-found.correlation, -found.similarity, pairs[:, 1], pairs[:, 0]))
    pairs = pairs[order]
    first = np.ones(len(pairs), dtype=bool)
    first[1:] = (pairs[1:] != pairs[:-1]).any(axis=1)
    order = order[first]
    return Comparison(pairs[first], found.correlation[order], found.displaced[order])
