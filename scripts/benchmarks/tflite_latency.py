"""Is a TFLite file as fast as its parts, and as fast as the budget asks?

    python scripts/benchmarks/tflite_latency.py --out tflite_latency.json

Builds v1, v2 end to end and v4 end to end at full width, what they are made of (Split-Attention
U-Net, EfficientNet-B0 and -B3 with their normalisation) and the config `skinnet_mobile` end to end,
converts them to float32 and float16 and times the files on one and two threads, each in a process
of its own, in turns. Weights are random, with batch normalisation adapted to the pictures so that
values stay in their usual range: latency does not depend on weights.

Times are wall times: on a machine that does something else beside, look at the shortest and at the
processor time. `partitions` counts the pieces that LiteRT's CPU delegate runs, `left` what it does
not take.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

PARTS = {
    "v1": ("efficientnet_b0",),
    "v2 end to end": ("split_attention_unet", "efficientnet_b0"),
    "v4 end to end": ("split_attention_unet", "efficientnet_b0", "efficientnet_b3"),
    "skinnet_mobile end to end": (),
}
BUDGET_MS = {  # 2 threads
    "v1": 6.0,
    "v2 end to end": 25.0,
    "v4 end to end": 40.0,
    "skinnet_mobile end to end": 15.0,
}
BUDGET_RATIO = 1.1  # to the sum of the parts
BUSY = 2.5  # load average; two threads at most are this script's
BUDGET_FLOAT16 = {"v2 end to end": 16e6, "skinnet_mobile end to end": 6e6}  # bytes
PRECISIONS = ("float32", "float16")


def build(image_size: int) -> Iterator[tuple[str, Any]]:
    """The networks by name, parts first."""
    import keras

    from skinnet_keras.config import load_config
    from skinnet_keras.export.deployment_benchmark.inputs import make_inputs
    from skinnet_keras.models import attach_segmenter, build_segmenter, build_skinnet
    from skinnet_keras.models.backbones import build_backbone
    from skinnet_keras.models.layers import image_normalization
    from skinnet_keras.presets import find_config
    from skinnet_keras.training.segmentation import configured_segmenter
    from skinnet_keras.training.stages import configured_classifier

    keras.utils.set_random_seed(0)
    pictures = make_inputs(image_size)

    def adapted(model: Any) -> Any:
        adapt_normalisation(model, {x.name: pictures[x.name][:4] for x in model.inputs})
        return model

    segmenter = adapted(build_segmenter("split_attention_unet", image_size=image_size))
    yield "split_attention_unet", segmenter
    for name in ("efficientnet_b0", "efficientnet_b3"):
        image = keras.Input((image_size, image_size, 3), name="image")
        features = build_backbone(name, (image_size, image_size, 3))(image_normalization(3)(image))
        vector = keras.layers.GlobalAveragePooling2D(name="features")(features)
        yield name, adapted(keras.Model({"image": image}, {"features": vector}, name=name))
    yield "v1", adapted(build_skinnet("v1", image_size=image_size))
    for variant in ("v2", "v4"):
        classifier = adapted(build_skinnet(variant, image_size=image_size))
        yield f"{variant} end to end", attach_segmenter(classifier, segmenter)
    config = load_config(find_config("skinnet_mobile"), [f"image_size={image_size}"])
    classifier = adapted(configured_classifier(config))
    small = adapted(configured_segmenter(config))
    yield "skinnet_mobile end to end", attach_segmenter(classifier, small)


def adapt_normalisation(model: Any, batch: dict[str, Any]) -> None:
    """Set the statistics of every batch normalisation to those of one batch."""
    import keras

    layers = [
        layer
        for layer in model._flatten_layers()
        if isinstance(layer, keras.layers.BatchNormalization)
    ]
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.momentum = 0.0  # the new statistics are the batch's
    model(batch, training=True)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum


def convert_all(folder: Path, image_size: int, only: list[str] | None) -> dict[str, dict[str, Any]]:
    """Write the files; name and precision -> path, size and what the delegate takes."""
    from skinnet_keras.export.delegate import inspect_delegation
    from skinnet_keras.export.tflite import write_tflite

    wanted = None if only is None else {name for x in only for name in (x, *PARTS.get(x, ()))}
    files = {}
    for name, model in build(image_size):
        if wanted is not None and name not in wanted:
            continue
        for precision in PRECISIONS:
            print(f"converting {name} to {precision}", file=sys.stderr)
            path = folder / f"{name.replace(' ', '_')}_{precision}.tflite"
            write_tflite(model, path, precision=precision)
            delegation = inspect_delegation(path)
            files[f"{name}, {precision}"] = {
                "name": name,
                "precision": precision,
                "path": path,
                "bytes": path.stat().st_size,
                "partitions": delegation.partitions,
                "left": list(delegation.left),
            }
    return files


def measure(files: dict[str, dict[str, Any]], rounds: int, seconds: float) -> list[dict[str, Any]]:
    """Time every file on one and two threads; a row a file and number of threads."""
    from skinnet_keras.export.deployment_benchmark.benchmark import measure_costs
    from skinnet_keras.export.deployment_benchmark.subjects import Subject

    by_path = {str(file["path"]): file for file in files.values()}
    subjects = [
        Subject(file["path"], "tflite", file["name"], file["precision"], threads, (file["path"],))
        for threads in (1, 2)
        for file in files.values()
    ]
    results = measure_costs(
        subjects,
        rounds=rounds,
        seconds=seconds,
        progress=lambda what: print(what, file=sys.stderr),
    )
    for failure in results.failures:
        print(f"{failure.label}: {failure.reason}", file=sys.stderr)
    rows = []
    for cost in results.costs:
        file = by_path[cost.path]
        kept = {key: file[key] for key in ("name", "partitions", "left")}
        rows.append({**asdict(cost), **kept, "load_average": results.load_after})
    return rows


def with_ratios(rows: list[dict[str, Any]]) -> None:
    """Add `ratio` and `cpu_ratio`, time over the sum of the parts' (shortest; processor time)."""
    found = {(row["name"], row["precision"], row["threads"]): row for row in rows}
    for row in rows:
        parts = [found.get((n, *_key(row)[1:])) for n in PARTS.get(row["name"], ())]
        row["ratio"] = row["cpu_ratio"] = None
        if parts and all(parts):
            sums = {k: sum(p[k] for p in parts if p) for k in ("latency_ms_min", "cpu_ms")}
            row["ratio"] = row["latency_ms_min"] / sums["latency_ms_min"]
            row["cpu_ratio"] = row["cpu_ms"] / sums["cpu_ms"]


def _key(row: dict[str, Any]) -> tuple[str, str, int]:
    return row["name"], row["precision"], row["threads"]


def verdict(row: dict[str, Any]) -> str:
    """Each budget of a row and whether it is kept: by median, ratios by the shortest time.

    Where other programs use the processor, ratios go by processor time, and a time that is too
    long decides nothing.
    """
    said, busy = [], (row["load_average"] or 0.0) > BUSY
    if row["precision"] == "float32" and row["threads"] == 2 and row["name"] in BUDGET_MS:
        kept = row["latency_ms"] <= BUDGET_MS[row["name"]]
        word = "open, machine busy" if busy and not kept else _word(kept)
        said.append(f"<= {BUDGET_MS[row['name']]:g} ms: {word}")
    if row["ratio"] is not None and row["precision"] == "float32":
        kept = row["cpu_ratio" if busy else "ratio"] <= BUDGET_RATIO
        said.append(f"<= {BUDGET_RATIO} x parts: {_word(kept)}{' (CPU)' * busy}")
    if row["precision"] == "float16" and row["threads"] == 1 and row["name"] in BUDGET_FLOAT16:
        budget = BUDGET_FLOAT16[row["name"]]
        said.append(f"<= {budget / 1e6:g} MB: {_word(row['bytes'] <= budget)}")
    return "; ".join(said)


def _word(kept: bool) -> str:
    return "kept" if kept else "missed"


def print_table(rows: list[dict[str, Any]]) -> None:
    from rich.console import Console

    from skinnet_keras.evaluation.table import Table, number

    def cells(row: dict[str, Any]) -> tuple[str, ...]:
        times = ("latency_ms", "latency_ms_min", "latency_ms_p95", "cpu_ms")
        return (
            f"{row['name']}, {row['precision']}",
            str(row["threads"]),
            *(f"{row[key]:.1f}" for key in times),
            number(row["ratio"], ".2f"),
            number(row["cpu_ratio"], ".2f"),
            f"{row['bytes'] / 1e6:.1f}",
            str(row["partitions"]),
            ", ".join(sorted(set(row["left"]))) or "-",
            verdict(row),
        )

    headings = "Network,Threads,Median ms,Min ms,p95 ms,CPU ms,Min / parts,CPU / parts,MB"
    load = rows[0]["load_average"]
    Table(
        title="TFLite files and their parts",
        headings=(*headings.split(","), "Partitions", "Left", "Budget"),
        rows=tuple(cells(row) for row in rows),
        footnotes=(
            "Random weights, batch normalisation adapted to generated lesions: latency does not "
            f"depend on weights. Load average of the system afterwards: {number(load, '.1f')}.",
        ),
    ).print(Console())


def main() -> None:
    """Build, convert, measure, print the table, write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--image-size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=8)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a file in a round")
    parser.add_argument("--only", action="append", choices=PARTS, help="and its parts")
    parser.add_argument("--keep", type=Path, help="folder to leave the files in")
    parser.add_argument("--out", type=Path, help="JSON file to write")
    arguments = parser.parse_args()

    from skinnet_keras.export.machine import describe_machine

    with tempfile.TemporaryDirectory() as temporary:
        folder = arguments.keep or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        files = convert_all(folder, arguments.image_size, arguments.only)
        rows = measure(files, arguments.rounds, arguments.seconds)
    with_ratios(rows)
    print_table(rows)
    if arguments.out:
        arguments.out.parent.mkdir(parents=True, exist_ok=True)
        result = {"machine": describe_machine(), "image_size": arguments.image_size, "rows": rows}
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
