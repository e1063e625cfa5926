"""The child process that measures one artefact and nothing else.

    python -m skinnet_keras.export.deployment_benchmark.worker '{"path": ..., "threads": 2}'

It opens the artefact, tells on stdout that it is ready and what that cost, and then does as each
line on stdin asks, one JSON object for each. It imports what the artefact's format needs, no more:
its memory is that of a program that uses this one format.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from skinnet_keras.errors import UserError
from skinnet_keras.export.deployment_benchmark.memory import peak_bytes, resident_bytes

if TYPE_CHECKING:
    from skinnet_keras.inference.runner import Runner

Inputs = dict[str, np.ndarray]

# Allocations, choice of kernels; the call before them is reported on its own.
_WARM_UP = 2
_FEWEST = 3


class Measurement:
    """One artefact under measurement.

    Args:
        path: The artefact.
        threads: Threads it may use; TensorFlow's own come from the environment.

    Attributes:
        runner: The open artefact.
    """

    def __init__(self, path: str, threads: int):
        begin, start = time.perf_counter(), resident_bytes()
        from skinnet_keras.inference.runners import open_runner

        self.runner: Runner = open_runner(path, num_threads=threads)
        self._call = fastest_call(self.runner)
        self._batches: dict[int, Inputs] = {}
        self.opened = {
            "image_size": self.runner.image_size,
            "load_seconds": time.perf_counter() - begin,
            "start_bytes": start,
            "loaded_bytes": resident_bytes(),
        }

    def first(self, inputs: str, largest: int) -> dict[str, Any]:
        """Predict for the first time, then warm up.

        Args:
            inputs: `.npz` file of batches by input name.
            largest: Examples to give at once at most, where the artefact takes several.

        Returns:
            `seconds` of the first call, `batch_size` that `round` can be asked for beside 1.
        """
        with np.load(inputs) as arrays:
            batch = {name: arrays[name] for name in arrays.files}
        several = min(largest, self.runner.batch_size)
        self._batches = {
            size: {name: values[:size] for name, values in batch.items()} for size in (1, several)
        }
        seconds = _timed(self._call, self._batches[1])
        for batch in self._batches.values():
            for _ in range(_WARM_UP):
                self._call(batch)
        return {"seconds": seconds, "batch_size": several}

    def round(self, batch_size: int, seconds: float) -> dict[str, Any]:
        """Predict the same batch again and again.

        Args:
            batch_size: 1, or what `first` returned.
            seconds: Time to do so for; three calls are made at least.

        Returns:
            `seconds` of each call but the first (others ran since the last round: its caches are
            theirs), and `cpu_seconds`, the processor time of those calls, summed over threads.
        """
        batch = self._batches[batch_size]
        self._call(batch)
        taken: list[float] = []
        begin = time.process_time()
        while len(taken) < _FEWEST or sum(taken) < seconds:
            taken.append(_timed(self._call, batch))
        return {"seconds": taken, "cpu_seconds": time.process_time() - begin}

    def memory(self) -> dict[str, Any]:
        """Return the memory held now and at most, `steady_bytes` and `peak_bytes`."""
        return {"steady_bytes": resident_bytes(), "peak_bytes": peak_bytes()}


def fastest_call(runner: Runner) -> Callable[[Inputs], Any]:
    """How a program that predicts often calls a model: a Keras model compiled, others as they are.

    (`KerasRunner` does not trace for the few images that `skinnet predict` is given.)
    """
    if runner.format != "keras":  # Keras is not imported for the others
        return runner.predict
    from skinnet_keras.inference.calling import call_by_name
    from skinnet_keras.inference.keras_runner import KerasRunner

    if not isinstance(runner, KerasRunner):
        raise TypeError(f"a Keras model in a {type(runner).__name__}")
    names, model = runner.input_names, runner.model
    return lambda batch: call_by_name(model, {n: batch[n] for n in names}, compiled=True)


def _timed(call: Callable[[Inputs], Any], batch: Inputs) -> float:
    start = time.perf_counter()
    call(batch)
    return time.perf_counter() - start


def main() -> None:
    """Serve the parent process until it closes stdin."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    # Libraries that print do not print into the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    job = json.loads(sys.argv[1])
    try:
        measurement = Measurement(job["path"], job["threads"])
        print(json.dumps(measurement.opened), file=answers, flush=True)
        for line in sys.stdin:
            order = json.loads(line)
            answer = getattr(measurement, order.pop("do"))(**order)
            print(json.dumps(answer), file=answers, flush=True)
    except UserError as error:
        sys.exit(f"skinnet: {error}")


if __name__ == "__main__":
    main()
