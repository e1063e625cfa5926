"""Which artefacts there are to measure in an exported model and in a run."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from skinnet_keras.config import load_config
from skinnet_keras.errors import UserError
from skinnet_keras.inference.versions import latest_version
from skinnet_keras.runs.files import is_run

KINDS = ("classifier", "end_to_end")
"""Kinds of models an export holds."""

FORMATS = {
    "keras": "Keras",
    "savedmodel": "SavedModel",
    "tflite": "TFLite",
    "onnx": "ONNX Runtime",
}
"""Format -> what a reader calls it, in the order of the tables."""

_FILE = re.compile(rf".+_({'|'.join(KINDS)})_(\w+)")


@dataclass(frozen=True)
class Subject:
    """One artefact under one number of threads.

    Attributes:
        path: What `open_runner` opens.
        format: A key of `FORMATS`.
        kind: Among `KINDS`, or "segmenter".
        precision: How its weights are stored.
        threads: Threads it may use.
        files: The files and folders it consists of.
    """

    path: Path
    format: str
    kind: str
    precision: str
    threads: int
    files: tuple[Path, ...]

    @property
    def label(self) -> str:
        """Name for people: "TFLite float16, 2 threads"."""
        precision = "" if self.format in ("keras", "savedmodel") else f" {self.precision}"
        threads = "1 thread" if self.threads == 1 else f"{self.threads} threads"
        return f"{FORMATS[self.format]}{precision}, {threads}"

    def size(self) -> int:
        """Bytes on the disk."""
        files = [f for path in self.files for f in ([path] if path.is_file() else path.rglob("*"))]
        return sum(file.stat().st_size for file in files if file.is_file())


def find_subjects(
    source: Path,
    export: Path | None = None,
    *,
    threads: Sequence[int] = (1, 2),
    kinds: Sequence[str] | None = None,
) -> list[Subject]:
    """List what is to be measured.

    Args:
        source: A run directory, or the folder of an exported model.
        export: The folder of an exported model, beside a run.
        threads: Numbers of threads for TFLite and ONNX Runtime. Keras and SavedModels are servers'
            formats: they are measured with the largest only.
        kinds: Kinds of models to measure; None for all.

    Returns:
        Subjects by kind, then in the order of `FORMATS`, precision and threads.

    Raises:
        UserError: There is nothing to measure.
    """
    found: list[Subject] = []
    if is_run(source):
        found += _of_run(source, max(threads))
    elif export is not None:
        raise UserError(f"--export goes with a run, and {source} is not a run directory.")
    else:
        export = source
    if export is not None:
        found += _of_export(export, threads)
    chosen = [subject for subject in found if kinds is None or subject.kind in kinds]
    if not chosen:
        there = ", ".join(dict.fromkeys(subject.kind for subject in found))
        raise UserError(f"{source} holds no model of the kind {', '.join(kinds or ())}: {there}.")
    formats = list(FORMATS)
    return sorted(
        chosen,
        key=lambda s: (s.kind, formats.index(s.format), _precision_order(s.precision), s.threads),
    )


def _precision_order(precision: str) -> tuple[int, str]:
    digits = re.sub(r"\D", "", precision)
    return (-int(digits or 0), precision)  # float32, float16, int8


def _of_run(run: Path, threads: int) -> Iterator[Subject]:
    config = load_config(run / "config.yaml")
    best, segmenter = run / "best.keras", run / "segmenter.keras"
    if config.classical:
        raise UserError(f"{run} holds a classical classifier: there is no network to measure.")
    if not best.is_file():
        raise UserError(
            f"{run} is not a finished run: it has no best.keras yet (continue it with "
            f"`skinnet train --resume {run}`)."
        )
    kind = "classifier" if config.model else "segmenter"
    yield Subject(best, "keras", kind, "float32", threads, (best,))
    if config.model and segmenter.is_file():
        yield Subject(run, "keras", "end_to_end", "float32", threads, (best, segmenter))


def _of_export(export: Path, threads: Sequence[int]) -> list[Subject]:
    found = [
        Subject(folder, "savedmodel", kind, "float32", max(threads), (folder,))
        for kind in KINDS
        if (export / kind).is_dir() and (folder := latest_version(export / kind)) is not None
    ]
    for file in sorted(export.iterdir()) if export.is_dir() else ():
        named = _FILE.fullmatch(file.stem)
        if named and file.suffix in (".tflite", ".onnx"):
            kind, precision = named.groups()
            found += [
                Subject(file, file.suffix[1:], kind, precision, count, (file,))
                for count in sorted(set(threads))
            ]
    if not found:
        raise UserError(
            f"{export} is neither a run directory nor an exported model: give the folder that "
            "`skinnet export` wrote, such as exported/skinnet_v2."
        )
    return found
