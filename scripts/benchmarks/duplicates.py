"""Are 100,000 images searched for copies within the budget, and are the right ones found?

    python scripts/benchmarks/duplicates.py --out exported/duplicates.json
    python scripts/benchmarks/duplicates.py --data DIR      (isic2017, ham10000, isic2019, isic2020)

Speed: all pairs of 100,000 hashes within the radius, once random and once as clustered as real
ones, by the index and by the plain path: blocks of XOR and popcount in NumPy, timed on a share of
the rows and extrapolated. Then the whole search with its comparison of pixels, one process each.

Quality, with --data: names are withheld from the search. Pictures are split into two halves, all
images of an id in one; the threshold is chosen on one half, recall and precision are counted on
the other. Last, distorted copies of some images.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import resource
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from duplicates_quality import distortion_table, halves_table, read_prints
from rich.console import Console
from rich.table import Table

from skinnet_keras.data.duplicates import HASH_RADIUS, compare_pictures
from skinnet_keras.data.fingerprints import CROPS, THUMBNAIL_SIZE, Fingerprint
from skinnet_keras.data.hash_index import HashIndex

_PLAIN_ROWS = 2000


def hashes_like(kind: str, count: int) -> np.ndarray:
    """Hashes, uint64: uniformly random, or clustered as those of dermoscopy.

    Real hashes share their coarse bits (a dark middle is common): here 300 patterns of 16 bits.
    Ten hashes a centre, four bits flipped in each, make more near pairs than real images have.
    """
    rng = np.random.default_rng(0)
    if kind == "random":
        return rng.integers(0, 2**64, count, dtype=np.uint64)
    centres = rng.integers(0, 2**48, count // 10, dtype=np.uint64)
    patterns = rng.integers(0, 2**16, 300, dtype=np.uint64) << np.uint64(48)
    centres |= patterns[rng.integers(0, 300, len(centres))]
    hashes = centres[rng.integers(0, len(centres), count)]
    for _ in range(4):
        hashes ^= np.uint64(1) << rng.integers(0, 64, count, dtype=np.uint64)
    return hashes


def made_prints(count: int) -> list[Fingerprint]:
    """Fingerprints of noise pictures under clustered hashes, every tenth the copy of another."""
    rng = np.random.default_rng(1)
    hashes = np.stack([np.roll(hashes_like("clustered", count), 7 * k) for k in range(7)], axis=1)
    size = (THUMBNAIL_SIZE, THUMBNAIL_SIZE)
    prints = [
        Fingerprint("", "", 600, 450, own, rng.integers(0, 256, size, dtype=np.uint8))
        for own in hashes
    ]
    for copy in range(9, count, 10):
        prints[copy] = prints[copy - 9]
    return prints


def measured(task: Any) -> dict[str, float]:
    """Run a task in a process of its own; seconds, peak memory, and what it returns."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measure, (task,))


def _measure(task: Any) -> dict[str, float]:
    result = task()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return {**result, "GiB": peak}


def search_index(kind: str, count: int, passes: int) -> dict[str, float]:
    """All near pairs, `passes` times: the catalogue looks up every crop's hash."""
    hashes = hashes_like(kind, count)
    start = time.perf_counter()
    index = HashIndex(hashes, HASH_RADIUS)
    for _ in range(passes):
        near = index.near(hashes)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "pairs": int((near[:, 0] < near[:, 1]).sum())}


def search_plainly(kind: str, count: int, passes: int) -> dict[str, float]:
    """Blocked XOR and popcount of all pairs on all cores, extrapolated from some rows."""
    hashes = hashes_like(kind, count)
    rows = min(_PLAIN_ROWS, count)

    def block(first: int) -> int:
        distance = np.bitwise_count(hashes[first : first + 2, None] ^ hashes[None])
        return int((distance <= HASH_RADIUS).sum())

    start = time.perf_counter()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        pairs = sum(pool.map(block, range(0, rows, 2)))
    seconds = (time.perf_counter() - start) * count / rows * passes
    return {"seconds": seconds, "pairs": (pairs * count / rows - count) / 2}


def search_pictures(count: int) -> dict[str, float]:
    """The whole search: hashes, first look, comparison of pixels."""
    prints = made_prints(count)
    start = time.perf_counter()
    compared = compare_pictures(prints)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "pairs": len(compared.pairs), "copies": int(compared.copies.sum())}


def speed_table(count: int, console: Console) -> dict[str, Any]:
    """Measure and print the budget row."""
    passes = 1 + len(CROPS)
    tasks: dict[str, Any] = {}
    for kind in ("random", "clustered"):
        for number in (1, passes):
            for name, task in (("plain", search_plainly), ("index", search_index)):
                tasks[f"{kind} hashes, {number} x, {name}"] = partial(task, kind, count, number)
    tasks["whole search, made pictures"] = partial(search_pictures, count)
    results: dict[str, Any] = {}
    table = Table(title=f"{count:,} images, radius {HASH_RADIUS}, {os.cpu_count()} cores")
    for heading in ("what", "s", "GiB", "pairs", "x plain"):
        table.add_column(heading, justify="left" if heading == "what" else "right")
    for key, task in tasks.items():
        results[key] = row = measured(task)
        plain = results.get(key.replace("index", "plain"), row)["seconds"]
        ratio = f"{plain / row['seconds']:.1f}"
        cells = (f"{row['seconds']:.1f}", f"{row['GiB']:.2f}", f"{row['pairs']:,.0f}", ratio)
        table.add_row(key, *cells)
        Console(stderr=True).print(key, *cells)
    console.print(table)
    return results


def main() -> None:
    """Measure, print the tables, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--count", type=int, default=100_000, help="images of the budget row")
    parser.add_argument(
        "--data", type=Path, help="folder of isic2017, ham10000, isic2019, isic2020"
    )
    parser.add_argument("--distorted", type=int, default=300, help="images to distort")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()
    console = Console()
    result: dict[str, Any] = {"cores": os.cpu_count(), "radius": HASH_RADIUS}
    if arguments.count:
        result["speed"] = speed_table(arguments.count, console)
    if arguments.data:
        images = read_prints(arguments.data)
        result["halves"] = halves_table(images, console)
        result["distortions"] = distortion_table(images, arguments.distorted, console)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
        console.print(f"Written to {arguments.out}.")


if __name__ == "__main__":
    main()
