"""A run as a folder of artefacts: converted, compared with the Keras model, then put in place."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
from rich.console import Console
from rich.progress import track

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.export.artefacts import (
    DEFAULT_FORMATS,
    FORMATS,
    Artefact,
    make_artefact,
    plan_artefacts,
)
from skinnet_keras.export.delegate import inspect_delegation
from skinnet_keras.export.deployment.configs import write_serving_files
from skinnet_keras.export.deployment.prepare import NO_WARMUP, prepare_serving
from skinnet_keras.export.deployment.warmup import can_write_warmup
from skinnet_keras.export.float32 import float32_model
from skinnet_keras.export.image_bytes.check import Photograph, choose_photographs
from skinnet_keras.export.image_bytes.describe import describe_signatures
from skinnet_keras.export.image_bytes.endpoint import why_no_image_bytes
from skinnet_keras.export.int8_gate import Int8Gate
from skinnet_keras.export.int8_images import Int8Images
from skinnet_keras.export.manifest import refuse_stale_files, write_manifest
from skinnet_keras.export.onnx import OPSET
from skinnet_keras.export.parity import (
    ParityReference,
    ParityResult,
    check_parity,
    check_variation,
)
from skinnet_keras.export.parity_images import parity_inputs
from skinnet_keras.export.publishing import finish_publishing, staged_export
from skinnet_keras.export.run_facts import RunFacts, read_run_facts
from skinnet_keras.export.signature import CLASSIFIER, END_TO_END, build_metadata
from skinnet_keras.export.tflite import DEFAULT_PRECISIONS, PRECISIONS
from skinnet_keras.inference.keras_runner import KerasRunner
from skinnet_keras.inference.onnx_packages import EXPORTING, require_onnx
from skinnet_keras.inference.run_models import RunModels
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.signature_names import IMAGE_BYTES_SIGNATURE
from skinnet_keras.locks import own_name
from skinnet_keras.models.composite import with_mask_logits


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote.

    Attributes:
        directory: `<out>/<name>`.
        name: Name of the exported model.
        parity: Result of the parity gate for each artefact; its `artefact` is the path below
            `directory`.
        cleaning: Cleaning steps that clients must apply to their images first, as training did;
            `metadata.json` has their settings.
        calibrated: Whether a calibration is inside the models.
        notes: Sentences on what the export could not have.
    """

    directory: Path
    name: str
    parity: list[ParityResult]
    cleaning: tuple[str, ...] = ()
    calibrated: bool = False
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the report as plain JSON values."""
        return {**asdict(self), "directory": str(self.directory)}


def export_run(
    run: str | Path,
    out: str | Path,
    *,
    formats: Sequence[str] = DEFAULT_FORMATS,
    precisions: Sequence[str] = DEFAULT_PRECISIONS,
    name: str | None = None,
    catalogue: str | Path | None = None,
    calibrated: bool = True,
    force: bool = False,
) -> ExportReport:
    """Export a run's classifier and, where it has a segmenter, its end-to-end model.

    Writes `<out>/<name>/{classifier,end_to_end}/<version>/` (SavedModels, float32, a new version
    each time), `<name>_{classifier,end_to_end}_<precision>.tflite`,
    `<name>_{classifier,end_to_end}_float32.onnx`, `metadata.json`, `parity.json` and
    `SHA256SUMS`; with SavedModels `serving/`, which starts TensorFlow Serving; with test
    predictions of the run `MODEL_CARD.md`, `card.json` and `subgroups.png`. Every artefact passes
    the parity gate first, int8 the gate of `int8_gate.check_int8` too; where one does not, none is
    put in place. All files appear together; an export that was killed before leaves nothing.

    Args:
        run: A run directory.
        out: Folder that collects exported models.
        formats: Among `FORMATS`; ONNX needs the extra `onnx`.
        precisions: Precisions of the TFLite files, among `tflite.PRECISIONS`.
        name: Name of the exported model; by default the run's.
        catalogue: Catalogue to take the images of the parity gate from; by default the run's.
        calibrated: Whether the calibration of `skinnet calibrate`, where the run has one, becomes
            part of the models, with an output `abstain`.
        force: Whether int8 files are kept whatever the int8 gate says; it is written down.

    Raises:
        UserError: An unknown format, precision or unusable name; a format whose packages are
            missing; a run without a classifier; too few images for int8; a model that cannot be
            converted, is nearly constant or fails a gate; another process exports to this name.
    """
    _check_choice("format", formats, FORMATS)
    _check_choice("precision", precisions, PRECISIONS)
    if keras.backend.backend() != "tensorflow":
        raise UserError("Exporting needs the TensorFlow backend: set KERAS_BACKEND=tensorflow.")
    if "onnx" in formats:
        require_onnx(EXPORTING)
    source = RunModels.load(run, data=None if catalogue is None else Path(catalogue))
    if calibrated:
        source = source.calibrated()
    name = name or source.run.config.name
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise UserError(
            f"{name!r} cannot name an exported model: use letters, digits, '.', '_' and '-'."
        )
    models = _models(source)
    directory = Path(out) / name
    with own_name(directory):
        finish_publishing(directory)
        plan = list(plan_artefacts(directory, name, list(models), formats, precisions))
        images = Catalogue.load(catalogue) if catalogue else source.run.load_catalogue()
        paths = [artefact.path for artefact in plan]
        refuse_stale_files(directory, source.weight_hashes(), source.calibration, paths)
        reference = _reference(source, models, images)
        facts = read_run_facts(source, images)
        with staged_export(directory, paths) as stage:
            parity = _make_all(plan, name, source, models, images, reference, facts, stage, force)
    return ExportReport(
        directory,
        name,
        parity,
        source.run.config.cleaning.steps,
        source.calibration is not None,
        tuple(_notes(source, models, formats, facts)),
    )


def _make_all(
    plan: Sequence[Artefact],
    name: str,
    source: RunModels,
    models: dict[str, keras.Model],
    images: Catalogue,
    reference: ParityReference,
    facts: RunFacts,
    stage: Path,
    force: bool,
) -> list[ParityResult]:
    """Make the artefacts and what describes them in a folder that holds the earlier ones."""
    metadata = _metadata(name, source, models, images) | facts.metadata
    photographs = choose_photographs(images)
    gate = None
    if any(artefact.precision == "int8" for artefact in plan):
        gate = _int8_gate(source, reference, images, force)
    parity = [
        _make(
            artefact,
            models[artefact.kind],
            stage / artefact.path,
            reference,
            metadata,
            photographs,
            gate,
        )
        for artefact in track(plan, "Exporting", console=Console(stderr=True))
    ]
    write_serving_files(stage, name, tuple(models))
    facts.write_card(stage)
    write_manifest(stage, metadata, parity)
    return parity


def _notes(
    source: RunModels,
    models: dict[str, keras.Model],
    formats: Sequence[str],
    facts: RunFacts,
) -> Iterator[str]:
    """Say what is missing, and how to get it."""
    if facts.note is not None:
        yield facts.note
    if "savedmodel" in formats:
        reason = why_no_image_bytes(list(models.values())[-1], source.run.config.cleaning)
        if reason is not None:
            yield f"No SavedModel takes image files ({IMAGE_BYTES_SIGNATURE}): {reason}."
        if not can_write_warmup():
            yield NO_WARMUP


def _check_choice(what: str, chosen: Sequence[str], known: Sequence[str]) -> None:
    if not chosen:
        raise UserError(f"No {what} is given: choose among {', '.join(known)}.")
    for value in chosen:
        if value not in known:
            raise UserError(f"The {what} {value!r} is not known: choose among {', '.join(known)}.")


def _models(source: RunModels) -> dict[str, keras.Model]:
    """Return the models to export by kind, in float32."""
    if source.classifier is None:
        raise UserError(
            f"{source.run.directory} trained no classifier: there is nothing to export."
        )
    classifier = float32_model(source.classifier)
    if source.segmenter is None:
        return {CLASSIFIER: classifier}
    float32_source = replace(
        source, classifier=classifier, segmenter=float32_model(source.segmenter)
    )
    return {CLASSIFIER: classifier, END_TO_END: float32_source.end_to_end()}


def _metadata(
    name: str, source: RunModels, models: dict[str, keras.Model], catalogue: Catalogue
) -> dict[str, Any]:
    config, classifier = source.run.config, KerasRunner(models[CLASSIFIER])
    return build_metadata(
        name=name,
        classes=source.classes,
        image_size=classifier.image_size,
        cleaning=config.cleaning,
        mask_threshold=source.mask_threshold,
        models=models,
        run={
            "name": config.name,
            "variant": config.variant,
            "weights_sha256": source.weight_hashes(),
            "catalogue_sha256": catalogue.sha256(),
        },
        calibration=source.calibration,
    ) | {"signatures": describe_signatures(models, config.cleaning)}


def _reference(
    source: RunModels, models: dict[str, keras.Model], catalogue: Catalogue
) -> ParityReference:
    """Gather what artefacts are compared with, and refuse a nearly constant model early."""
    classifier = KerasRunner(models[CLASSIFIER])
    end_to_end = None
    if END_TO_END in models:
        end_to_end = KerasRunner(with_mask_logits(models[END_TO_END]))
    cleaning = source.run.config.cleaning
    inputs = parity_inputs(catalogue, classifier.image_size, cleaning=cleaning)
    if end_to_end is not None:
        mask = end_to_end.predict(inputs)["mask"] >= source.mask_threshold
        inputs["mask"] = mask.astype(np.float32)
    check_variation(classifier.predict(inputs)["diagnosis"], f"The model of {source.run.directory}")
    return ParityReference(classifier, end_to_end, inputs, source.mask_threshold)


def _make(
    artefact: Artefact,
    model: keras.Model,
    path: Path,
    reference: ParityReference,
    metadata: dict[str, Any],
    photographs: Sequence[Photograph],
    gate: Int8Gate | None,
) -> ParityResult:
    """Convert one model in the staging folder and send it through the gates."""
    is_int8 = artefact.precision == "int8"
    runner = make_artefact(
        artefact, model, path, metadata, gate.representative(model) if is_int8 and gate else None
    )
    result = check_parity(
        runner,
        artefact.path,
        kind=artefact.kind,
        precision=artefact.precision,
        reference=reference,
    )
    if isinstance(runner, SavedModelRunner):
        served = prepare_serving(
            runner, model, path, name=metadata["name"], kind=artefact.kind, photographs=photographs
        )
        return replace(result, image_bytes=served)
    return replace(
        result,
        opset=OPSET if artefact.format == "onnx" else None,
        delegation=inspect_delegation(path) if artefact.format == "tflite" else None,
        int8=gate.check(artefact.path, runner) if is_int8 and gate else None,
    )


def _int8_gate(
    source: RunModels, reference: ParityReference, catalogue: Catalogue, force: bool
) -> Int8Gate:
    images = Int8Images.open(
        catalogue,
        reference.end_to_end or reference.classifier,
        source.classes,
        mask_threshold=source.mask_threshold,
        cleaning=source.run.config.cleaning,
        force=force,
    )
    calibration = source.calibration
    return Int8Gate(images, calibration.thresholds if calibration else None, force)
