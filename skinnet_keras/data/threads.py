"""The same work for many images: threads, a progress bar, and an end at Ctrl-C."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from rich.console import Console
from rich.progress import track

Item = TypeVar("Item")
Result = TypeVar("Result")


def map_in_threads(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    title: str,
    workers: int | None = None,
) -> Iterator[Result]:
    """Call a function for every item; the first error or interrupt drops what has not begun.

    Args:
        function: Called in threads. Pillow and OpenCV work without holding the interpreter lock.
        items: Its arguments.
        title: Of the progress bar, on stderr.
        workers: Threads; by default one a CPU core.

    Yields:
        The results in the order of the items.
    """
    pool = ThreadPoolExecutor(workers or os.cpu_count() or 1)
    try:
        results = pool.map(function, items)
        yield from track(results, title, len(items), console=Console(stderr=True))
    finally:
        pool.shutdown(cancel_futures=True)
