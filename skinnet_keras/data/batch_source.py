"""The Python callable behind a tf.data pipeline, and how it falls silent before exit."""

from __future__ import annotations

import atexit
import threading
import time
import weakref
from collections.abc import Callable

import numpy as np

_QUIET_SECONDS = 0.05
_PATIENCE_SECONDS = 5.0


class BatchSource:
    """Loads batches by number for tf.data's threads, until it is closed.

    A thread of tf.data that enters Python while the interpreter shuts down is killed, and the
    iterator then waits for it for ever: the process hangs at exit when an iterator is still
    alive, e.g. after Ctrl-C in `fit`. All sources are therefore closed before the interpreter
    shuts down, and closing lasts until tf.data's few outstanding calls have failed.

    Args:
        load: Called with the number of a batch, from several threads; returns its arrays.
        on_close: Called once, on closing; it must make a `load` under way return or raise.
    """

    def __init__(
        self,
        load: Callable[[int], dict[str, np.ndarray]],
        on_close: Callable[[], None] | None = None,
    ):
        self._load = load
        self._on_close = on_close
        self._lock = threading.Lock()
        self._closed = False
        self._calls = 0
        self._active = 0
        _open_sources.add(self)

    def __call__(self, number: np.int64) -> list[np.ndarray]:
        """Return the arrays of batch `number`.

        Raises:
            RuntimeError: The source is closed.
        """
        with self._lock:
            self._calls += 1
            self._active += 1
        try:
            if self._closed:
                raise RuntimeError("The data set is closed.")
            return list(self._load(int(number)).values())
        finally:
            with self._lock:
                self._active -= 1

    def close(self) -> None:
        """Let every further call fail, and free what the source holds."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
        if self._on_close is not None:
            self._on_close()

    def wait_until_quiet(self) -> None:
        """Wait until no call is under way and no new one has come for a moment."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        calls = -1
        while (self._active or calls != self._calls) and time.monotonic() < deadline:
            calls = self._calls
            time.sleep(_QUIET_SECONDS)


_open_sources: weakref.WeakSet[BatchSource] = weakref.WeakSet()


@atexit.register
def _close_all() -> None:
    sources = list(_open_sources)
    for source in sources:
        source.close()
    for source in sources:
        source.wait_until_quiet()
