"""The data worker process: `python -m skinnet_keras.data.worker`, started by `WorkerPool`.

It reads requests from its standard input, cuts the images out of the cache, augments them and
writes the batch to its standard output. Every message is one line of JSON, followed by the raw
bytes of the arrays the line announces. TensorFlow and Keras are never imported here.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, BinaryIO

import cv2
import numpy as np

from skinnet_keras.data.augmentation import Augmenter, augment_batch
from skinnet_keras.data.cache import ImageCache


class _Server:
    """Answers the requests of one parent process."""

    def __init__(self, setup: dict[str, Any]):
        self.cache = ImageCache.open(Path(setup["cache"]))
        self.augmenter = Augmenter(**setup["augmenter"])
        self.seed = setup["seed"]

    def answer(
        self, request: dict[str, Any], masks: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray | None]:
        rows = np.array(request["rows"], dtype=np.int64)
        if request["masks"] == "cache":
            masks = np.array(self.cache.masks[rows])
        return augment_batch(
            self.augmenter,
            np.array(self.cache.images[rows]),
            masks,
            seed=self.seed,
            epoch=request["epoch"],
            indices=request["indices"],
        )


def _read_masks(request: dict[str, Any], source: BinaryIO) -> np.ndarray | None:
    """Read the masks that follow a request, so that the next line is a request again."""
    if request["masks"] != "sent":
        return None
    shape = (len(request["rows"]), request["image_size"], request["image_size"])
    # frombuffer gives a read-only array; augmentation writes in place.
    return np.frombuffer(source.read(int(np.prod(shape))), dtype=np.uint8).reshape(shape).copy()


def serve(source: BinaryIO, sink: BinaryIO) -> None:
    """Answer requests from `source` on `sink` until `source` ends."""
    setup = json.loads(source.readline())
    server: _Server | None = None
    while line := source.readline():
        request = json.loads(line)
        masks = _read_masks(request, source)
        try:
            server = server or _Server(setup)
            arrays = server.answer(request, masks)
        except Exception:  # whatever it is, the parent process reports it
            sink.write(json.dumps({"error": traceback.format_exc()}).encode() + b"\n")
        else:
            sink.write(b'{"error": null}\n')
            for array in arrays:
                if array is not None:
                    sink.write(array.data.cast("B"))
        sink.flush()


def main() -> None:
    """Serve the parent process over the standard streams."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's business
    cv2.setNumThreads(0)  # one core a worker
    # What a library prints must not end up between the batches.
    sink = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    try:
        serve(sys.stdin.buffer, sink)
    except BrokenPipeError:
        sys.exit(0)  # the parent has gone


if __name__ == "__main__":
    main()
