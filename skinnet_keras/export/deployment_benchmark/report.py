"""What was measured as a report: JSON, CSV and a table."""

from __future__ import annotations

import csv
import importlib.metadata
import io
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from skinnet_keras.atomic import atomic_file, write_json
from skinnet_keras.evaluation.table import UNDEFINED, Table
from skinnet_keras.export.deployment_benchmark.benchmark import Results
from skinnet_keras.export.deployment_benchmark.plot import plot_deployment
from skinnet_keras.export.deployment_benchmark.subjects import FORMATS
from skinnet_keras.export.machine import describe_machine

_MEBI = 2**20
_BUSY = 0.7  # load average at which somebody else used a core most of the time


def build_report(
    models: Sequence[Path], results: Results, *, rounds: int, seconds: float
) -> dict[str, Any]:
    """Put together what was measured and under what conditions.

    Args:
        models: The run and the exported model that were measured.
        results: As `measure_costs` returns them.
        rounds: Its rounds.
        seconds: Its seconds.

    Returns:
        Plain JSON values: `models`, `rounds`, `seconds`, `load_average` (`before`, `after`),
        `machine` (as `describe_machine` returns it, `python`, and `onnxruntime` where it was
        used), `artefacts` (fields of a `Cost` each) and `failures` (of a `Failure`).
    """
    machine = {**describe_machine(), "python": platform.python_version()}
    if any(cost.format == "onnx" for cost in results.costs):
        machine["onnxruntime"] = importlib.metadata.version("onnxruntime")
    return {
        "models": [str(path) for path in models],
        "rounds": rounds,
        "seconds": seconds,
        "load_average": {"before": results.load_before, "after": results.load_after},
        "machine": machine,
        "artefacts": [asdict(cost) for cost in results.costs],
        "failures": [asdict(failure) for failure in results.failures],
    }


def write_report(folder: Path, report: Mapping[str, Any]) -> list[str]:
    """Write `deployment.csv`, `deployment.json`, `deployment.txt` and `deployment.png`.

    Args:
        folder: Created if absent; files of the same names are replaced.
        report: As `build_report` returns it, with one artefact at least.

    Returns:
        Names of the files written.
    """
    with atomic_file(folder / "deployment.csv") as temporary:
        temporary.write_text(_csv(report["artefacts"]), encoding="utf-8")
    write_json(folder / "deployment.json", report, allow_nan=False)
    text = io.StringIO()
    deployment_table(report).print(Console(file=text))
    with atomic_file(folder / "deployment.txt") as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8")
    plot_deployment(report, folder / "deployment.png")
    return [f"deployment.{suffix}" for suffix in ("csv", "json", "txt", "png")]


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def deployment_table(report: Mapping[str, Any]) -> Table:
    """One row an artefact and number of threads.

    Args:
        report: As `build_report` returns it.
    """
    rows = report["artefacts"]
    largest = max(row["batch_size"] for row in rows)
    return Table(
        title=f"Deployment of {', '.join(report['models'])} at {_sizes(rows)}",
        headings=(
            "Artefact",
            "Threads",
            "Median, ms",
            "p95, ms",
            "Min, ms",
            "CPU, ms",
            "First call, ms",
            "Images/s",
            *((f"Images/s, batch {largest}",) if largest > 1 else ()),
            "Loaded, MiB",
            "Steady, MiB",
            "Peak, MiB",
            "Size, MiB",
        ),
        rows=tuple(_cells(row, batched=largest > 1) for row in rows),
        footnotes=tuple(_footnotes(report)),
    )


def _sizes(rows: Sequence[Mapping[str, Any]]) -> str:
    sizes = sorted({row["image_size"] for row in rows})
    return " and ".join(f"{size} x {size}" for size in sizes) + " pixels"


def _cells(row: Mapping[str, Any], *, batched: bool) -> tuple[str, ...]:
    precision = "" if row["format"] in ("keras", "savedmodel") else f" {row['precision']}"
    memory = (row["loaded_bytes"], row["steady_bytes"], row["peak_bytes"])
    return (
        f"{row['kind']}: {FORMATS[row['format']]}{precision}",
        str(row["threads"]),
        *(_number(row[key]) for key in ("latency_ms", "latency_ms_p95", "latency_ms_min")),
        _number(row["cpu_ms"]),
        _number(row["first_ms"]),
        _number(row["images_per_second"]),
        *((_number(row["batch_images_per_second"]),) if batched else ()),
        *(_number(value, _MEBI) for value in (*memory, row["bytes"])),
    )


def _number(value: float | None, unit: float = 1.0) -> str:
    """Three significant digits, whole from a hundred."""
    if value is None:
        return UNDEFINED
    value /= unit
    decimals = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:.{decimals}f}"


def _footnotes(report: Mapping[str, Any]) -> list[str]:
    machine, load = report["machine"], report["load_average"]
    versions = {"TensorFlow": "tensorflow", "LiteRT": "litert", "ONNX Runtime": "onnxruntime"}
    named = [f"{name} {machine[key]}" for name, key in versions.items() if key in machine]
    gpus = "".join(f", {gpu}" for gpu in machine["gpus"])
    notes = [
        f"{machine['cpu']}, {machine['cores']} cores{gpus}; {', '.join(named)}. Times of a call at "
        f"batch 1 over {report['rounds']} rounds in turn; CPU: processor time, summed over "
        "threads. Memory: resident set of a process with nothing else in it; runtime included. "
        "Keras: compiled.",
    ]
    if load["before"] is not None:
        before, after = load["before"], load["after"]
        advice = ""
        if before > _BUSY:
            advice = ": other programs ran, too; the shortest times and the CPU's tell more"
        notes.append(f"Load average {before:.1f} before, {after:.1f} after{advice}.")
    return notes + [f"Not measured: {row['label']}: {row['reason']}" for row in report["failures"]]
