"""Tables of segmentation networks: what they cost, and what they are worth beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from skinnet_keras.evaluation.segmentation.report import empty_truths_note
from skinnet_keras.evaluation.table import UNDEFINED, Table, number, with_interval

_MACS = "MACs: multiply-accumulates of one prediction, the products of attention included."
_DIFFERING = (
    "Image sizes differ: each run is scored on masks of its own size; only at the original size "
    "are the pixels the same."
)


def speed_table(rows: Sequence[Mapping[str, Any]]) -> Table:
    """Size and speed of networks measured under the same conditions.

    Args:
        rows: As `SegmenterSpeed.to_dict` gives them, at least one.
    """
    first = rows[0]
    return Table(
        title=f"Networks at {first['image_size']} x {first['image_size']} pixels",
        headings=(
            "Network",
            "Parameters, M",
            "MACs, G",
            "Training, images/s",
            "Keras, ms",
            "Keras, ms min",
            "TFLite, ms",
            "TFLite, ms min",
            "TFLite, MB",
        ),
        rows=tuple(
            (
                _label(row["network"], row["arguments"]),
                _number(row["parameters"], 1e6),
                _number(row["macs"], 1e9),
                _number(row["train_images_per_second"]),
                _number(row["keras_ms"]),
                _number(row["keras_ms_min"]),
                _number(row["tflite_ms"]),
                _number(row["tflite_ms_min"]),
                _number(row["tflite_bytes"], 1e6),
            )
            for row in rows
        ),
        footnotes=(_measured(first), _MACS, *_refusals(rows, "network")),
    )


def comparison_table(comparison: Mapping[str, Any]) -> Table:
    """One row a run: size, speed, Dice and IoU with intervals, difference to the reference.

    Args:
        comparison: As `segmentation.comparison.compare_segmenters` returns it.
    """
    rows, measured = comparison["runs"], comparison["measured"]
    empty = comparison["empty_truths"]
    sizes_differ = len({row["image_size"] for row in rows}) > 1
    footnotes = [
        "Dice, IoU: means over images, with 95 % intervals by a bootstrap over groups (lesions); "
        f"difference: Dice less that of {comparison['reference']} on the same images.",
        f"Scored at {comparison['scored_at']}. {_MACS}",
        *([f"{empty_truths_note(empty)}."] if empty else []),
        *([_DIFFERING] if sizes_differ and comparison["scored_at"] != "original size" else []),
        *([_measured(measured)] if measured else []),
        *_refusals(rows, "name"),
    ]
    return Table(
        title=f"Segmentation networks on {comparison['split']} (n = {comparison['n']})",
        headings=(
            "Run",
            "Parameters, M",
            "MACs, G",
            "Training, images/s",
            "Keras, ms",
            "TFLite, ms",
            "Dice",
            "IoU",
            "IoU pooled",
            "Difference of Dice",
            "Epochs",
            "Image size",
        ),
        rows=tuple(
            (
                _run_label(row),
                _number(row["parameters"], 1e6),
                _number(row["macs"], 1e9),
                _number(row["train_images_per_second"]),
                _number(row["keras_ms"]),
                _number(row["tflite_ms"]),
                with_interval(row["dice_per_image"], row["dice_per_image_ci"]),
                with_interval(row["iou_per_image"], row["iou_per_image_ci"]),
                number(row["iou_pooled"]),
                with_interval(row["dice_difference"], row["dice_difference_ci"], "+.4f"),
                str(row["epochs"]),
                str(row["image_size"]),
            )
            for row in rows
        ),
        footnotes=tuple(footnotes),
    )


def _run_label(row: Mapping[str, Any]) -> str:
    name = row["name"] if row["name"] == row["network"] else f"{row['name']}: {row['network']}"
    return _label(name, row["arguments"])


def _label(name: str, arguments: Mapping[str, Any]) -> str:
    given = ", ".join(f"{key} {value}" for key, value in arguments.items())
    return f"{name} ({given})" if given else name


def _measured(conditions: Mapping[str, Any]) -> str:
    """Under what conditions times were measured, as one sentence."""
    machine = conditions["machine"]
    gpus = "".join(f", {gpu}" for gpu in machine["gpus"])
    return (
        f"Times: medians on {machine['cpu']}, {machine['cores']} cores{gpus}, TensorFlow "
        f"{machine['tensorflow']}, LiteRT {machine['litert']}, {conditions['threads']} threads; "
        f"training at batch {conditions['batch_size']}, predictions at batch 1."
    )


def _refusals(rows: Sequence[Mapping[str, Any]], key: str) -> list[str]:
    return [
        f"{row[key]}: no TFLite time: {row['tflite_refused']}"
        for row in rows
        if row["tflite_refused"]
    ]


def _number(value: float | None, unit: float = 1.0) -> str:
    """Four significant digits; a hundred or more without decimals."""
    if value is None:
        return UNDEFINED
    value /= unit
    return f"{value:.0f}" if value >= 1000 else f"{value:.4g}"
