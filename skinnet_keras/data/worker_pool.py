"""Worker processes that augment batches beside the training process."""

from __future__ import annotations

import json
import os
import queue
import subprocess
import sys
import threading
import weakref
from dataclasses import asdict
from io import FileIO
from typing import Any, cast

import numpy as np

from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.samples import Samples

_EXIT_SECONDS = 5.0


class WorkerError(RuntimeError):
    """A data worker raised an error or ended."""


class WorkerPool:
    """A fixed number of data worker processes; see `skinnet_keras.data.worker`.

    The workers are plain interpreters that talk over pipes, not `multiprocessing` children: those
    would run the user's main script once more in each worker (importing TensorFlow, or training
    again where the script lacks `if __name__ == "__main__"`), or fork a process that holds
    TensorFlow's threads. A worker ends with the training process, however that ends.

    Args:
        samples: The images; the workers open its cache themselves.
        augmenter: Augmentation of one image.
        seed: Seed of the run.
        workers: Number of processes, >= 1.
    """

    def __init__(self, samples: Samples, augmenter: Augmenter, *, seed: int, workers: int):
        setup = {
            "cache": str(samples.cache.directory.resolve()),
            "augmenter": asdict(augmenter),
            "seed": seed,
        }
        self._samples = samples
        self._workers = [_Worker(setup) for _ in range(workers)]
        self._idle: queue.SimpleQueue[_Worker] = queue.SimpleQueue()
        for worker in self._workers:
            self._idle.put(worker)
        self._stop = weakref.finalize(self, _stop_all, self._workers)

    def load(
        self, positions: np.ndarray, *, epoch: int, indices: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray | None]:
        """Let an idle worker read and augment one batch; safe to call from several threads.

        Args:
            positions: int64 (B,) positions in the samples.
            epoch: Epoch.
            indices: int64 (B,) augmentation indices.

        Returns:
            Images, uint8 (B, S, S, 3), and masks, uint8 (B, S, S) or None.

        Raises:
            WorkerError: The worker raised an error, ended, or the pool is closed.
        """
        samples = self._samples
        sent = samples.masks_at(positions) if samples.masks is not None else None
        source = "sent" if sent is not None else "cache"
        request = {
            "epoch": epoch,
            "rows": samples.rows[positions].tolist(),
            "indices": indices.tolist(),
            "masks": source if samples.needs_mask else "none",
            "image_size": samples.cache.image_size,
        }
        worker = self._idle.get()
        try:
            return worker.ask(request, sent)
        finally:
            self._idle.put(worker)

    def close(self) -> None:
        """End the processes; batches still asked for raise a `WorkerError`."""
        self._stop()


class _Worker:
    """One process, its pipes, and a lock that gives one thread at a time a conversation."""

    def __init__(self, setup: dict[str, Any]):
        # The same import path as here, also where it was changed at run time.
        path = os.pathsep.join(os.path.abspath(entry) for entry in sys.path)
        self._lock = threading.Lock()
        self._closed = False
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "skinnet_keras.data.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
            env={**os.environ, "PYTHONPATH": path},
        )
        self._stdin = cast(FileIO, self._process.stdin)
        self._stdout = cast(FileIO, self._process.stdout)
        self._send(json.dumps(setup).encode() + b"\n")

    def ask(
        self, request: dict[str, Any], masks: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        batch, side = len(request["rows"]), request["image_size"]
        with self._lock:
            if self._closed:
                raise WorkerError("The training data are closed.")
            self._send(json.dumps(request).encode() + b"\n")
            if masks is not None:
                self._send(np.ascontiguousarray(masks).data.cast("B"))
            error = json.loads(self._receive_line())["error"]
            if error is not None:
                raise WorkerError(f"A data worker failed:\n{error}")
            images = self._receive_array((batch, side, side, 3))
            if request["masks"] == "none":
                return images, None
            return images, self._receive_array((batch, side, side))

    def terminate(self) -> None:
        self._process.terminate()

    def close(self) -> None:
        """Reap the terminated process and close its pipes."""
        try:
            self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        # A conversation under way has seen the end of the pipe by now and lets the lock go.
        if self._lock.acquire(timeout=_EXIT_SECONDS):
            self._closed = True
            self._stdin.close()
            self._stdout.close()
            self._lock.release()

    def _send(self, data: bytes | memoryview) -> None:
        view = memoryview(data)
        try:
            while len(view):
                view = view[self._stdin.write(view) :]
        except BrokenPipeError:
            raise self._ended() from None

    def _receive_line(self) -> bytes:
        line = self._stdout.readline()
        if not line.endswith(b"\n"):
            raise self._ended()
        return line

    def _receive_array(self, shape: tuple[int, ...]) -> np.ndarray:
        array = np.empty(shape, dtype=np.uint8)
        view = array.data.cast("B")
        while len(view):
            count = self._stdout.readinto(view)
            if not count:
                raise self._ended()
            view = view[count:]
        return array

    def _ended(self) -> WorkerError:
        try:
            code: int | str = self._process.wait(_EXIT_SECONDS)
        except subprocess.TimeoutExpired:
            code = "none yet"
        return WorkerError(
            f"A data worker process ended unexpectedly (exit code {code}); what it wrote to "
            "stderr says why. If the system ran out of memory, use fewer workers."
        )


def _stop_all(workers: list[_Worker]) -> None:
    for worker in workers:
        worker.terminate()
    for worker in workers:
        worker.close()
