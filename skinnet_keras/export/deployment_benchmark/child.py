"""The parent's end of a process that measures one artefact."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from typing import Any

from skinnet_keras.export.deployment_benchmark.subjects import Subject


class ChildFailed(Exception):  # noqa: N818 - it says what happened
    """The process ended before it answered; the message is one sentence for people."""


class Child:
    """A process of `deployment_benchmark.worker`; it starts when this is made.

    Args:
        subject: What it measures.
    """

    def __init__(self, subject: Subject):
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `close`
        job = json.dumps({"path": str(subject.path), "threads": subject.threads})
        # Read by TensorFlow once, when it makes its thread pools. With one operation at a time,
        # it has the threads of an operation and no more.
        threads = {
            "TF_NUM_INTRAOP_THREADS": str(subject.threads),
            "TF_NUM_INTEROP_THREADS": "1",
            "OMP_NUM_THREADS": str(subject.threads),
        }
        self.process = subprocess.Popen(  # noqa: S603 - our own command line
            [sys.executable, "-m", "skinnet_keras.export.deployment_benchmark.worker", job],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            env={**os.environ, "KERAS_BACKEND": "tensorflow", **threads},
            text=True,
            encoding="utf-8",
        )

    def opened(self) -> dict[str, Any]:
        """Wait until the artefact is open; `Measurement.opened` of the worker.

        Raises:
            ChildFailed: The process ended instead.
        """
        return self._answer()

    def ask(self, do: str, **arguments: Any) -> dict[str, Any]:
        """Call a method of the worker's `Measurement` and wait for what it returns.

        Raises:
            ChildFailed: The process ended instead.
        """
        if self.process.stdin is None:
            raise ValueError("the process was started without stdin")
        try:
            print(json.dumps({"do": do, **arguments}), file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise ChildFailed(self._why()) from None
        return self._answer()

    def close(self) -> None:
        """End the process, whatever it does."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()
        self._said.close()

    def _answer(self) -> dict[str, Any]:
        if self.process.stdout is None:
            raise ValueError("the process was started without stdout")
        line = self.process.stdout.readline()
        if not line:
            raise ChildFailed(self._why())
        return json.loads(line)

    def _why(self) -> str:
        """Why the process ended, as one sentence."""
        code = self.process.wait()
        if code < 0:
            hint = ": out of memory, perhaps" if -code == signal.SIGKILL else ""
            return f"the process was ended by signal {signal.Signals(-code).name}{hint}."
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").strip().splitlines()
        if lines and lines[-1].startswith("skinnet: "):
            return lines[-1].removeprefix("skinnet: ")
        return f"the process failed with {lines[-1] if lines else f'exit code {code}'}."
