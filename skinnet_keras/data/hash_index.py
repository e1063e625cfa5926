"""All pairs of 64-bit hashes within a Hamming distance, without comparing all pairs.

Multi-index hashing (Norouzi, Punjani and Fleet, "Fast exact search in Hamming space with
multi-index hashing", IEEE TPAMI 36(6), 2014): cut the hashes into parts. Two hashes within the
radius agree in at least one part up to a few bits (pigeonhole), so it is enough to look up, part
by part, every key that differs from the query's by at most that many bits. The result is exact.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations

import numpy as np

_BITS = 64
_PART_RADIUS = 2  # with more, the keys to look up outnumber the hashes they spare
_FEWEST_PARTS = 3  # a table of 2**22 keys is 16 MiB
_PAIRS_AT_ONCE = 2**20
_FEW_PAIRS = 2**22  # up to here comparing all is quicker


@dataclass(frozen=True)
class _Part:
    shift: int  # position of the part's lowest bit
    bits: int
    radius: int  # Hamming distance between keys that is looked up
    first: np.ndarray  # key -> where its rows begin in `rows`
    rows: np.ndarray  # row numbers, sorted by key
    hashes: np.ndarray  # the hashes of `rows`

    def keys(self, hashes: np.ndarray) -> np.ndarray:
        return _keys(hashes, self.shift, self.bits)


class HashIndex:
    """Finds the near ones among fixed hashes; exact.

    Args:
        hashes: uint64 array of shape (N,).
        radius: Largest Hamming distance that counts as near, 0..15.
    """

    def __init__(self, hashes: np.ndarray, radius: int):
        if not 0 <= radius <= 15:
            raise ValueError(f"The radius must lie in 0..15, not {radius}.")
        self.radius = radius
        self._hashes = np.ascontiguousarray(hashes, dtype=np.uint64)

    @cached_property
    def _parts(self) -> list[_Part]:
        return list(self._build(self._hashes))

    def _build(self, hashes: np.ndarray) -> Iterator[_Part]:
        # Were every part further apart than its own radius, the distances would sum to at least
        # sum(radius_k + 1) = radius + 1.
        count = max(_FEWEST_PARTS, self.radius // (_PART_RADIUS + 1) + 1)
        each, more = divmod(self.radius + 1, count)
        shift = 0
        for number in range(count):
            bits = (_BITS - shift) // (count - number)
            radius = each - 1 + (number < more)
            if radius >= 0:
                keys = _keys(hashes, shift, bits)
                rows = np.argsort(keys, kind="stable").astype(np.int32)
                first = np.zeros((1 << bits) + 1, dtype=np.int32)
                np.cumsum(np.bincount(keys, minlength=1 << bits), out=first[1:])
                yield _Part(shift, bits, radius, first, rows, hashes[rows])
            shift += bits

    def near(self, queries: np.ndarray, *, threads: int | None = None) -> np.ndarray:
        """Find all indexed hashes within the radius of each query.

        Args:
            queries: uint64 array of shape (Q,).
            threads: NumPy works without the interpreter lock; by default one a CPU core.

        Returns:
            int32 array of shape (P, 2): query number and row number, every pair once, sorted.
        """
        queries = np.ascontiguousarray(queries, dtype=np.uint64)
        if len(queries) * len(self._hashes) <= _FEW_PAIRS:
            distance = np.bitwise_count(queries[:, None] ^ self._hashes)
            return np.argwhere(distance <= self.radius).astype(np.int32)
        found = [np.empty((0, 2), dtype=np.int32)]
        with ThreadPoolExecutor(threads or os.cpu_count() or 1) as pool:
            for number, part in enumerate(self._parts):
                # Sorted queries read the table almost in order.
                keys = part.keys(queries)
                order = np.argsort(keys, kind="stable").astype(np.int32)
                probe = _Probe(queries[order], keys[order], part, self.radius)
                for batch in pool.map(probe.matches, _masks(part.bits, part.radius)):
                    pairs = np.column_stack((order[batch[0]], part.rows[batch[1]]))
                    # A pair belongs to the first part that finds it.
                    difference = probe.queries[batch[0]] ^ part.hashes[batch[1]]
                    found.append(pairs[~self._earlier(difference, number)])
        pairs = np.concatenate(found)
        return pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]

    def _earlier(self, difference: np.ndarray, number: int) -> np.ndarray:
        known = np.zeros(len(difference), dtype=bool)
        for part in self._parts[:number]:
            known |= np.bitwise_count(part.keys(difference)) <= part.radius
        return known


@dataclass(frozen=True)
class _Probe:
    queries: np.ndarray
    keys: np.ndarray
    part: _Part
    radius: int

    def matches(self, mask: int) -> tuple[np.ndarray, np.ndarray]:
        """Query and entry numbers of near hashes whose keys differ by exactly `mask`."""
        keys = self.keys ^ np.int32(mask)
        start = self.part.first[keys]
        count = self.part.first[keys + 1] - start
        hit = np.flatnonzero(count).astype(np.int32)
        start, count = start[hit], count[hit]
        end = np.cumsum(count, dtype=np.int64)
        cuts = np.searchsorted(end, np.arange(_PAIRS_AT_ONCE, end[-1:].sum(), _PAIRS_AT_ONCE))
        found = [(np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))]
        for some in np.split(np.arange(len(hit)), cuts):
            repeats = count[some]
            before = np.cumsum(repeats, dtype=np.int32) - repeats
            query = np.repeat(hit[some], repeats)
            entry = np.repeat(start[some] - before, repeats)
            entry += np.arange(len(entry), dtype=np.int32)
            distance = np.bitwise_count(self.queries[query] ^ self.part.hashes[entry])
            near = np.flatnonzero(distance <= self.radius)
            found.append((query[near], entry[near]))
        query_parts, entry_parts = zip(*found, strict=True)
        return np.concatenate(query_parts), np.concatenate(entry_parts)


def _keys(hashes: np.ndarray, shift: int, bits: int) -> np.ndarray:
    return ((hashes >> np.uint64(shift)) & np.uint64((1 << bits) - 1)).astype(np.int32)


def _masks(bits: int, radius: int) -> list[int]:
    return [
        sum(1 << bit for bit in chosen)
        for weight in range(radius + 1)
        for chosen in combinations(range(bits), weight)
    ]
