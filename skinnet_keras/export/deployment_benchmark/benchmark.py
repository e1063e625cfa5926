"""Artefacts beside each other: a process each, rounds in turn, so that load hits all alike."""

from __future__ import annotations

import os
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from skinnet_keras.export.deployment_benchmark.child import Child, ChildFailed
from skinnet_keras.export.deployment_benchmark.inputs import COUNT, InputFiles
from skinnet_keras.export.deployment_benchmark.subjects import Subject


@dataclass
class _Calls:
    """Calls at one batch size, over all rounds."""

    seconds: list[float] = field(default_factory=list)
    cpu_seconds: float = 0.0

    def add(self, answer: dict[str, Any]) -> None:
        self.seconds += answer["seconds"]
        self.cpu_seconds += answer["cpu_seconds"]


@dataclass
class _Trial:
    """A subject under measurement."""

    subject: Subject
    child: Child
    opened: dict[str, Any]
    first: dict[str, Any]
    single: _Calls = field(default_factory=_Calls)
    batched: _Calls = field(default_factory=_Calls)

    @property
    def batch_size(self) -> int:
        return self.first["batch_size"]


@dataclass(frozen=True)
class Cost:
    """What one artefact costs; times of a call at batch 1 but where said otherwise.

    Attributes:
        label: Name for people, see `Subject.label`.
        kind: Kind of model.
        format: Format, see `subjects.FORMATS`.
        precision: How its weights are stored.
        threads: Threads it may use.
        path: The artefact.
        bytes: Size on disk.
        image_size: Side S of its image in pixels.
        load_seconds: From a fresh Python to the open artefact, import of the runtime included.
        first_ms: The first call, milliseconds.
        latency_ms: Median of the calls after the warm-up.
        latency_ms_p95: Their 95th percentile.
        latency_ms_min: The shortest.
        cpu_ms: Processor time of a call, mean, summed over threads: what is left of the time when
            nobody else wants the processor.
        calls: Calls that were timed.
        images_per_second: At batch 1: calls over their time.
        batch_size: Largest batch measured; 1 where the artefact takes one example only.
        batch_images_per_second: At that batch; None where it is 1.
        start_bytes: Memory (resident set) before the runtime was imported; None, like the others,
            where the system does not tell.
        loaded_bytes: Memory once the artefact was open.
        steady_bytes: Memory after the last round.
        peak_bytes: The most memory at any time.
    """

    label: str
    kind: str
    format: str
    precision: str
    threads: int
    path: str
    bytes: int
    image_size: int
    load_seconds: float
    first_ms: float
    latency_ms: float
    latency_ms_p95: float
    latency_ms_min: float
    cpu_ms: float
    calls: int
    images_per_second: float
    batch_size: int
    batch_images_per_second: float | None
    start_bytes: int | None
    loaded_bytes: int | None
    steady_bytes: int | None
    peak_bytes: int | None


@dataclass(frozen=True)
class Failure:
    """An artefact that could not be measured.

    Attributes:
        label: Name for people, kind included.
        path: The artefact.
        reason: One sentence.
    """

    label: str
    path: str
    reason: str


@dataclass(frozen=True)
class Results:
    """What was measured.

    Attributes:
        costs: In the order of the subjects.
        failures: Subjects that are missing there.
        load_before: Load average of the system over the last minute, before; None where it has
            none (Windows).
        load_after: The same, afterwards.
    """

    costs: list[Cost]
    failures: list[Failure]
    load_before: float | None
    load_after: float | None


def measure_costs(
    subjects: Sequence[Subject],
    *,
    rounds: int = 5,
    seconds: float = 1.0,
    progress: Callable[[str], None] | None = None,
) -> Results:
    """Measure artefacts side by side.

    Each is opened in a process of its own, one after another, and warmed up; then, in every
    round, each predicts for a while in turn. An artefact whose process ends is left out of what
    follows; the others go on. No process outlives this call.

    Args:
        subjects: What to measure.
        rounds: Rounds.
        seconds: Time of an artefact in a round, for each batch size.
        progress: Called before each step, `len(subjects) * (rounds + 1)` times if none fails, with
            what comes.
    """
    say = progress or (lambda _: None)
    before = _load_average()
    failures: dict[Subject, Failure] = {}
    with ExitStack() as stack:
        inputs = InputFiles(Path(stack.enter_context(tempfile.TemporaryDirectory())))
        trials: list[_Trial] = []
        for subject in subjects:
            say(f"opening {_name(subject)}")
            child = stack.enter_context(closing(Child(subject)))
            try:
                opened = child.opened()
                file = str(inputs.of_size(opened["image_size"]))
                first = child.ask("first", inputs=file, largest=COUNT)
            except ChildFailed as error:
                failures[subject] = _failure(subject, error)
            else:
                trials.append(_Trial(subject, child, opened, first))
        for number in range(1, rounds + 1):
            for trial in list(trials):
                say(f"round {number} of {rounds}: {_name(trial.subject)}")
                try:
                    _round(trial, seconds)
                except ChildFailed as error:
                    failures[trial.subject] = _failure(trial.subject, error)
                    trials.remove(trial)
        costs = []
        for trial in trials:
            try:
                costs.append(_cost(trial, trial.child.ask("memory")))
            except ChildFailed as error:
                failures[trial.subject] = _failure(trial.subject, error)
    ordered = [failures[subject] for subject in subjects if subject in failures]
    return Results(costs, ordered, before, _load_average())


def _name(subject: Subject) -> str:
    return f"{subject.kind}, {subject.label}"


def _failure(subject: Subject, error: ChildFailed) -> Failure:
    return Failure(_name(subject), str(subject.path), str(error))


def _round(trial: _Trial, seconds: float) -> None:
    trial.single.add(trial.child.ask("round", batch_size=1, seconds=seconds))
    if trial.batch_size > 1:
        answer = trial.child.ask("round", batch_size=trial.batch_size, seconds=seconds)
        trial.batched.add(answer)


def _cost(trial: _Trial, memory: dict[str, Any]) -> Cost:
    subject, opened, taken = trial.subject, trial.opened, trial.single.seconds
    together = trial.batched.seconds
    return Cost(
        label=subject.label,
        kind=subject.kind,
        format=subject.format,
        precision=subject.precision,
        threads=subject.threads,
        path=str(subject.path),
        bytes=subject.size(),
        image_size=opened["image_size"],
        load_seconds=opened["load_seconds"],
        first_ms=1e3 * trial.first["seconds"],
        latency_ms=1e3 * statistics.median(taken),
        latency_ms_p95=1e3 * float(np.percentile(taken, 95)),
        latency_ms_min=1e3 * min(taken),
        cpu_ms=1e3 * trial.single.cpu_seconds / len(taken),
        calls=len(taken),
        images_per_second=len(taken) / sum(taken),
        batch_size=trial.batch_size,
        batch_images_per_second=(
            trial.batch_size * len(together) / sum(together) if together else None
        ),
        start_bytes=opened["start_bytes"],
        loaded_bytes=opened["loaded_bytes"],
        steady_bytes=memory["steady_bytes"],
        peak_bytes=memory["peak_bytes"],
    )


def _load_average() -> float | None:
    return os.getloadavg()[0] if hasattr(os, "getloadavg") else None
