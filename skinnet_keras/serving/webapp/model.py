"""The model a web page is built around: found in a run or an export, and checked to be usable."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.metadata import METADATA_DIM, MetadataEncoder
from skinnet_keras.errors import UserError
from skinnet_keras.export.signature import CLASSIFIER, END_TO_END
from skinnet_keras.export.tflite import PRECISIONS
from skinnet_keras.inference.model_files import find_model
from skinnet_keras.inference.sidecar import METADATA_FILE
from skinnet_keras.runs.run import Run, is_run

_FILE_NAME = re.compile(rf"(.+)_({END_TO_END}|{CLASSIFIER})_([a-z0-9]+)\.tflite")


@dataclass(frozen=True)
class WebModel:
    """A `.tflite` file that the page can feed, and its description.

    Attributes:
        file: The `.tflite` file.
        metadata: Content of the `metadata.json` beside it.
        image_size: Side S of the square image in pixels.
        outputs: Name of each output -> its shape, the batch of 1 first.
        thresholds: One a class, in the order of the classes: the answer is the class with the
            largest probability / threshold. None where the export has none.
    """

    file: Path
    metadata: dict[str, Any]
    image_size: int
    outputs: dict[str, tuple[int, ...]]
    thresholds: tuple[float, ...] | None

    @property
    def name(self) -> str:
        """Name of the exported model."""
        return str(self.metadata["name"])

    @property
    def precision(self) -> str | None:
        """How the weights are stored, as the file's name says; None where it does not."""
        match = _FILE_NAME.fullmatch(self.file.name)
        return match[3] if match else None


@contextmanager
def open_model(source: Path, precision: str = "float16") -> Iterator[WebModel]:
    """Find the model to put on a page; a run is exported to a temporary folder first.

    Args:
        source: A run directory, the folder of an exported model, or a `.tflite` file beside its
            `metadata.json`.
        precision: Precision to choose where `source` is not a file itself.

    Yields:
        The model; its file exists as long as the block runs.

    Raises:
        UserError: There is no such model, or the page could not run it.
    """
    if not is_run(source):
        yield read_model(source if source.suffix == ".tflite" else _find(source, precision))
        return
    if precision not in PRECISIONS:
        raise UserError(
            f"A run cannot be exported as {precision!r} here: choose {' or '.join(PRECISIONS)}, or "
            "give the folder of an export."
        )
    _refuse_cleaning(source, Run.open(source).config.cleaning)
    from skinnet_keras.export.bundle import export_run

    with tempfile.TemporaryDirectory() as folder:
        report = export_run(source, folder, formats=["tflite"], precisions=[precision])
        yield read_model(_find(report.directory, precision))


def read_model(file: Path) -> WebModel:
    """Read a `.tflite` file and what is written beside it.

    Args:
        file: The `.tflite` file.

    Returns:
        The model.

    Raises:
        UserError: A file is missing or damaged, the two do not belong together, or the page
            could not feed the model.
    """
    if not file.is_file():
        raise UserError(f"{file} does not exist: check the path.")
    sidecar = find_model(file).sidecar
    if sidecar is None:
        raise UserError(
            f"{file.parent} has no {METADATA_FILE}, which says how to feed {file.name}: give a "
            "model that `skinnet export` wrote."
        )
    _refuse_cleaning(file, sidecar.cleaning)
    metadata = json.loads(sidecar.source.read_text(encoding="utf-8"))
    inputs, outputs = _signature(file)
    _check_layout(sidecar.source, metadata)
    image = inputs.get("image", ())
    square = len(image) == 4 and image[0] == 1 and image[1] == image[2] and image[3] == 3
    if (
        set(inputs) != {"image", "metadata"}
        or not square
        or inputs["metadata"] != (1, METADATA_DIM)
    ):
        hint = ": give its end-to-end model" if "mask" in inputs else ""
        raise UserError(
            f"The page feeds an image (1, S, S, 3) and a metadata vector (1, {METADATA_DIM}), but "
            f"{file.name} takes {_shapes(inputs)}{hint}."
        )
    size = image[1]
    classes = len(sidecar.classes)
    expected = {"diagnosis": (1, classes), "mask": (1, size, size, 1), "abstain": (1, 1)}
    shown = {name: shape for name, shape in outputs.items() if name in expected}
    if "diagnosis" not in shown or any(expected[name] != shape for name, shape in shown.items()):
        raise UserError(
            f"{file.name} gives {_shapes(outputs)}, not the probabilities of the {classes} classes "
            f"in {sidecar.source.name}: export the model again."
        )
    thresholds = None if sidecar.thresholds is None else sidecar.thresholds.values
    return WebModel(file, metadata, size, shown, thresholds)


def _find(folder: Path, precision: str) -> Path:
    """Return the model of an export: the end-to-end one, or else the classifier."""
    known = [
        (match, file)
        for file in (sorted(folder.glob("*.tflite")) if folder.is_dir() else [])
        if (match := _FILE_NAME.fullmatch(file.name))
    ]
    if not known:
        raise UserError(
            f"{folder} holds no exported TFLite model: give a run, the folder that `skinnet export "
            "--format tflite` wrote, or a .tflite file."
        )
    for kind in (END_TO_END, CLASSIFIER):
        of_kind = {match[3]: file for match, file in known if match[2] == kind}
        if precision in of_kind:
            return of_kind[precision]
        if of_kind:
            raise UserError(
                f"{folder} has no {kind} model in {precision}: choose --precision "
                f"{' or '.join(of_kind)}."
            )
    raise AssertionError("every known file has one of the two kinds")


def _signature(file: Path) -> tuple[dict[str, tuple[int, ...]], dict[str, tuple[int, ...]]]:
    """Return the shapes of inputs and outputs by name, -1 where any size goes."""
    from ai_edge_litert.interpreter import Interpreter

    try:
        signature = Interpreter(model_path=str(file), num_threads=1).get_signature_runner()
    except (ValueError, RuntimeError) as error:
        raise UserError(f"{file} is not a TFLite model with one signature.") from error
    inputs, outputs = (
        {name: tuple(int(n) for n in detail["shape_signature"]) for name, detail in details.items()}
        for details in (signature.get_input_details(), signature.get_output_details())
    )
    return inputs, outputs


def _shapes(tensors: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {shape}" for name, shape in tensors.items())


def _refuse_cleaning(source: Path, cleaning: CleaningConfig) -> None:
    if cleaning.steps:
        raise UserError(
            f"{source} was trained on cleaned images ({', '.join(cleaning.steps)}), and a browser "
            "cannot clean them: train without cleaning for the web page."
        )


def _check_layout(source: Path, metadata: dict[str, Any]) -> None:
    """Refuse a metadata vector that the page's form does not fill."""
    try:
        names = [entry["name"] for entry in metadata["metadata_layout"]]
        metadata["name"]
    except (KeyError, TypeError) as error:
        raise UserError(f"{source} is damaged: it gives no 'name' or 'metadata_layout'.") from error
    if names != [entry["name"] for entry in MetadataEncoder().layout()]:
        raise UserError(
            f"{source} lays the metadata vector out in another way than this version of the "
            "package: export the model again."
        )
