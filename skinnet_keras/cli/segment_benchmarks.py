"""Several networks' benchmarks, each in a process of its own, and the CSV file they go to."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import atomic_file
from skinnet_keras.cli.child import run_each
from skinnet_keras.config.yaml_text import parse_yaml, shorten
from skinnet_keras.errors import UserError
from skinnet_keras.export.segmentation_benchmark import benchmark_segmenter
from skinnet_keras.locks import own_name
from skinnet_keras.models import SEGMENTERS

COLUMNS = (
    "network",
    "arguments",
    "image_size",
    "batch_size",
    "threads",
    "parameters",
    "macs",
    "train_images_per_second",
    "keras_ms",
    "keras_ms_min",
    "tflite_ms",
    "tflite_ms_min",
    "tflite_bytes",
    "tflite_refused",
    "cpu",
    "cores",
    "gpus",
    "tensorflow",
    "keras",
    "litert",
)


class SpeedFile:
    """A CSV file of measured speeds, one row a network; rows of earlier commands are kept.

    Args:
        path: The file; made with its first row.

    Raises:
        UserError: It exists and holds something else.
    """

    def __init__(self, path: Path):
        self._path = path
        self._read()

    def append(self, row: dict[str, Any]) -> None:
        """Add a row, as `SegmenterSpeed.to_dict` gives it."""
        values = {**row, **row["machine"]}
        values["arguments"] = json.dumps(row["arguments"])
        values["gpus"] = "; ".join(values["gpus"])
        line = _line([values[column] for column in COLUMNS])
        with own_name(self._path, wait=True):  # other commands add their rows meanwhile
            text = self._read() + line
            with atomic_file(self._path) as temporary:
                temporary.write_text(text, encoding="utf-8")

    def _read(self) -> str:
        if not self._path.exists():
            return _line(COLUMNS)
        try:
            text = self._path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"{self._path} cannot be read as a table of speeds: {error}."
            ) from error
        if not text.startswith(_line(COLUMNS)):
            raise UserError(
                f"{self._path} holds another table: choose another --out, or remove the file."
            )
        return text


def chosen_networks(names: Sequence[str], *, every: bool) -> list[str]:
    """The networks to measure: those named, or all.

    Raises:
        UserError: None is named, or one that does not exist.
    """
    if bool(names) == every:
        raise UserError("name the networks to measure, or give --all.")
    for name in names:
        if name not in SEGMENTERS:
            raise UserError(f"unknown network {name!r}: choose among {', '.join(SEGMENTERS)}.")
    return list(SEGMENTERS) if every else list(dict.fromkeys(names))


def measure(
    names: Sequence[str],
    *,
    image_size: int,
    batch_size: int,
    arguments: str,
    seconds: float,
    threads: int,
    done: Callable[[dict[str, Any]], None],
) -> dict[str, int]:
    """Measure networks: one in this process, several in a process of its own each.

    Args:
        names: Names in `SEGMENTERS`.
        image_size: See `benchmark_segmenter`, as for the others.
        batch_size: Images of a training step.
        arguments: Arguments of the networks' builders as YAML.
        seconds: Time for each measurement.
        threads: Threads, which this process's TensorFlow has been limited to already.
        done: Called with each result as it comes, as `SegmenterSpeed.to_dict` gives it.

    Returns:
        Networks that failed, see `cli.child.run_each`.

    Raises:
        UserError: The only network cannot be built so.
    """
    if len(names) == 1:
        speed = benchmark_segmenter(
            names[0],
            image_size=image_size,
            arguments=_parsed(arguments),
            batch_size=batch_size,
            seconds=seconds,
            threads=threads,
        )
        done(speed.to_dict())
        return {}
    _parsed(arguments)
    options = benchmark_options(image_size, batch_size, arguments, seconds, threads)
    jobs = {name: ["segment", "benchmark", name, *options] for name in names}
    return run_each(jobs, lambda _, printed: done(printed["networks"][0]))


def benchmark_options(
    image_size: int, batch_size: int, arguments: str, seconds: float, threads: int
) -> list[str]:
    """Options of `skinnet segment benchmark` for a child process."""
    return [
        *("--image-size", str(image_size), "--batch-size", str(batch_size)),
        *("--arguments", arguments, "--seconds", str(seconds), "--threads", str(threads)),
    ]


def _parsed(arguments: str) -> dict[str, Any]:
    parsed = parse_yaml(arguments, f"--arguments {shorten(arguments)!r}")
    if not isinstance(parsed, dict):
        raise UserError(f"--arguments {shorten(arguments)!r}: write '{{name: value}}'.")
    return parsed


def _line(cells: Sequence[Any]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerow(cells)
    return text.getvalue()
