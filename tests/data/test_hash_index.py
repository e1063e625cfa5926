"""The index finds what comparing all pairs finds, no more and no less."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.data import hash_index
from skinnet_keras.data.hash_index import HashIndex


@pytest.fixture(autouse=True)
def no_shortcut(monkeypatch):
    """Few pairs are compared one by one; here they are not."""
    monkeypatch.setattr(hash_index, "_FEW_PAIRS", -1)


def random_hashes(count):
    return np.random.default_rng(0).integers(0, 2**64, count, dtype=np.uint64)


def clustered_hashes(count):
    """A few centres, up to seven bits flipped; some hashes are equal."""
    rng = np.random.default_rng(1)
    hashes = rng.integers(0, 2**64, 9, dtype=np.uint64)[rng.integers(0, 9, count)]
    for _ in range(7):
        flipped = np.uint64(1) << rng.integers(0, 64, count, dtype=np.uint64)
        hashes ^= np.where(rng.random(count) < 0.6, flipped, np.uint64(0))
    return hashes


def brute_force(queries, hashes, radius):
    return np.argwhere(np.bitwise_count(queries[:, None] ^ hashes[None]) <= radius)


@pytest.mark.parametrize("radius", range(0, 16))
@pytest.mark.parametrize("make", [random_hashes, clustered_hashes])
def test_equals_brute_force(make, radius):
    hashes = make(400)
    queries = np.concatenate((hashes[:150] ^ np.uint64(0b1011 << 30), hashes[150:200]))
    expected = brute_force(queries, hashes, radius)
    if make is clustered_hashes or radius >= 3:
        assert len(expected) > 0
    np.testing.assert_array_equal(HashIndex(hashes, radius).near(queries), expected)


def test_batches_and_threads_do_not_matter(monkeypatch):
    hashes = clustered_hashes(500)
    expected = brute_force(hashes, hashes, 8)
    monkeypatch.setattr(hash_index, "_PAIRS_AT_ONCE", 7)
    for threads in (1, 3):
        near = HashIndex(hashes, 8).near(hashes, threads=threads)
        np.testing.assert_array_equal(near, expected)


def test_a_batch_holds_no_more_than_its_limit_and_one_bucket(monkeypatch):
    hashes = np.repeat(random_hashes(40), 5)
    longest = []
    popcount = np.bitwise_count

    def watched(values):
        longest.append(len(values))
        return popcount(values)

    monkeypatch.setattr(hash_index, "_PAIRS_AT_ONCE", 50)
    monkeypatch.setattr(np, "bitwise_count", watched)
    assert len(HashIndex(hashes, 8).near(hashes, threads=1)) == 40 * 5 * 5
    assert max(longest) <= 40 * 25  # all pairs would be 40,000


def test_few_pairs_are_compared_one_by_one(monkeypatch):
    hashes = clustered_hashes(60)
    looked_up = HashIndex(hashes, 8).near(hashes)
    monkeypatch.setattr(hash_index, "_FEW_PAIRS", 3600)
    compared = HashIndex(hashes, 8).near(hashes)
    np.testing.assert_array_equal(looked_up, compared)
    assert compared.dtype == looked_up.dtype


def test_nothing_to_search():
    none = np.empty(0, dtype=np.uint64)
    assert HashIndex(none, 8).near(random_hashes(3)).shape == (0, 2)
    assert HashIndex(random_hashes(3), 8).near(none).shape == (0, 2)


def test_wrong_radius():
    with pytest.raises(ValueError, match=r"0\.\.15"):
        HashIndex(random_hashes(3), 16)
