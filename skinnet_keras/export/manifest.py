"""The files that describe an export: `metadata.json`, `parity.json`, `SHA256SUMS`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import atomic_file, write_json
from skinnet_keras.errors import UserError
from skinnet_keras.export.parity import ParityResult
from skinnet_keras.inference.checksums import CHECKSUM_FILE
from skinnet_keras.inference.run_calibration import RunCalibration
from skinnet_keras.inference.sidecar import METADATA_FILE
from skinnet_keras.json_text import read_json_file
from skinnet_keras.runs.files import file_sha256

PARITY_FILE = "parity.json"


def refuse_stale_files(
    directory: Path,
    weights_sha256: dict[str, str],
    calibration: RunCalibration | None,
    paths: Sequence[str],
) -> None:
    """Refuse to describe `.tflite` and `.onnx` files of another model by a new `metadata.json`.

    SavedModels are not concerned: each version carries its own `metadata.json`.

    Args:
        directory: Folder of the exported model; may not exist yet.
        weights_sha256: File name -> SHA-256 of the run's model files.
        calibration: What goes into the models.
        paths: Artefacts this export will write, relative to `directory`.

    Raises:
        UserError: Such a file there has other weights or another calibration and is not replaced.
    """
    files = [*sorted(directory.glob("*.tflite")), *sorted(directory.glob("*.onnx"))]
    kept = [file for file in files if file.name not in paths]
    if not kept:
        return
    earlier = _read_json(directory / METADATA_FILE)
    other = None
    if earlier.get("run", {}).get("weights_sha256") != weights_sha256:
        other = "from other weights"
    elif _calibration_of(earlier) != _calibration_of(calibration.to_json() if calibration else {}):
        other = "with another calibration"
    if other is not None:
        raise UserError(
            f"{kept[0]} was exported {other}: export its format and precision again too, remove "
            "it, or choose another --name."
        )


def write_manifest(
    directory: Path, metadata: dict[str, Any], parity: Sequence[ParityResult]
) -> None:
    """Write `metadata.json`, `parity.json` and `SHA256SUMS` for a folder of artefacts.

    Args:
        directory: Folder of the exported model.
        metadata: Content of `metadata.json`; what each file is, is added as `artefacts`.
        parity: Results of this export; those of artefacts from earlier exports are kept.
    """
    results = {result.artefact: asdict(result) for result in parity}
    earlier = _read_json(directory / PARITY_FILE)
    for artefact, result in earlier.items():
        if (directory / artefact).exists():
            results.setdefault(artefact, result)
    write_json(directory / PARITY_FILE, results)
    artefacts = {name: _facts(result) for name, result in results.items()}
    write_json(directory / METADATA_FILE, metadata | {"artefacts": artefacts})
    files = [path for path in sorted(directory.rglob("*")) if path.is_file()]
    with atomic_file(directory / CHECKSUM_FILE) as temporary:
        lines = [
            f"{file_sha256(file)}  {file.relative_to(directory).as_posix()}\n"
            for file in files
            if file.name != CHECKSUM_FILE
        ]
        temporary.write_text("".join(lines), encoding="utf-8")


def _facts(result: dict[str, Any]) -> dict[str, Any]:
    """What a developer wants to know of an artefact, from its entry in `parity.json`."""
    facts = {key: result.get(key) for key in ("format", "kind", "precision")}
    if result.get("opset") is not None:
        facts["opset"] = result["opset"]
    if result.get("delegation") is not None:
        facts["delegation"] = result["delegation"]
    if result.get("int8") is not None:
        # Written against the int8 gate's advice: parity.json says why.
        facts["forced"] = result["int8"]["forced"]
    return facts


def _calibration_of(metadata: dict[str, Any]) -> list[Any]:
    """What of a calibration is inside the models; thresholds of decisions are not."""
    return [metadata.get(key) for key in ("calibration", "abstention")]


def _read_json(file: Path) -> dict[str, Any]:
    try:
        content = read_json_file(file)
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}
