"""The folder of an exported model, made without a run: quick, and with what a test wants in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from skinnet_keras.data.metadata import MetadataEncoder
from skinnet_keras.taxonomy import CLASSES
from tiny_run import SIZE, build_classifier


def make_export(
    folder: Path, *, abstain_below: float | None = None, precision: str = "float32", **metadata: Any
) -> Path:
    """Write `made_classifier_<precision>.tflite`, a classifier without mask, and `metadata.json`.

    `abstain_below` adds the output `abstain`, 1 where no class is that probable; `metadata` goes
    into `metadata.json`.
    """
    import keras
    from keras import ops

    from skinnet_keras.export.tflite import write_tflite

    model = build_classifier(with_mask=False)
    if abstain_below is not None:
        diagnosis = model.output["diagnosis"]
        largest = ops.max(diagnosis, axis=-1, keepdims=True)
        abstain = ops.cast(ops.less(largest, abstain_below), "float32")
        model = keras.Model(model.input, {"diagnosis": diagnosis, "abstain": abstain})
    folder.mkdir(parents=True)
    write_tflite(model, folder / f"made_classifier_{precision}.tflite", precision=precision)
    content = {
        "name": "made",
        "classes": list(CLASSES),
        "image_size": SIZE,
        "mask_threshold": 0.5,
        "metadata_layout": MetadataEncoder().layout(),
    }
    (folder / "metadata.json").write_text(json.dumps(content | metadata))
    return folder
