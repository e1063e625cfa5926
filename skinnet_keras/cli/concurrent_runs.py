"""Several trainings at once, each in a process of its own, their logs shown as they grow.

A small network keeps one core busy with tracing and Python; two trainings use two cores.
"""

from __future__ import annotations

import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path
from typing import IO

from rich.console import Console

from skinnet_keras.cli.child import start, stop
from skinnet_keras.errors import UserError


class _Training:
    """One `skinnet train` in a child process."""

    def __init__(self, run: Path, arguments: list[str]):
        self.run = run
        self._said: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115 - closed in `finish`
        self.process = start(
            ["train", "--out", str(run), "--json", *arguments],
            stdout=subprocess.DEVNULL,
            stderr=self._said,
        )
        self._shown = 0

    def show(self, console: Console) -> None:
        """Print what the run's log has got since the last call."""
        log = self.run / "train.log"
        if not log.is_file():
            return
        lines = log.read_text(encoding="utf-8").splitlines()
        for line in lines[self._shown :]:
            message = line.split(" ", 2)[2]  # without date and time
            console.print(f"{self.run.name} {message}")
        self._shown = len(lines)

    def finish(self) -> None:
        """Close, and raise what the child failed with."""
        self._said.seek(0)
        said = self._said.read().decode(errors="replace").strip()
        self._said.close()
        if self.process.returncode == 2:
            raise UserError(said.splitlines()[-1].removeprefix("skinnet: "))
        if self.process.returncode:
            raise RuntimeError(f"training {self.run} failed:\n{said}")

    def stop(self) -> None:
        """End the child if it still runs."""
        if self.process.poll() is None:
            stop(self.process)


def train_concurrently(jobs: Iterable[tuple[Path, list[str]]], *, at_once: int = 2) -> None:
    """Run `skinnet train` for several runs, `at_once` at a time, in the order given.

    Args:
        jobs: Run directory and arguments of each training.
        at_once: Trainings at the same time.

    Raises:
        UserError: A training refused its input.
        RuntimeError: A training failed; the message holds what it said.
    """
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    waiting, running = list(jobs), list[_Training]()
    try:
        while waiting or running:
            while waiting and len(running) < at_once:
                running.append(_Training(*waiting.pop(0)))
            time.sleep(0.5)
            for training in list(running):
                ended = training.process.poll() is not None
                training.show(console)
                if ended:
                    running.remove(training)
                    training.finish()
    finally:
        for training in running:
            training.stop()
