"""Find a model and what lies beside it, and check the files before their library reads them.

Nothing here imports TensorFlow or Keras: what cannot be opened is refused before.
"""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from skinnet_keras.archives import read_json_member, read_keras_config
from skinnet_keras.classical.storage import CLASSIFIER_FILE, SCHEMA_FILE
from skinnet_keras.errors import UserError
from skinnet_keras.inference.checksums import check_listed
from skinnet_keras.inference.photographs import refuse_url
from skinnet_keras.inference.sidecar import Sidecar, read_sidecar
from skinnet_keras.inference.versions import latest_version
from skinnet_keras.runs.run import BEST_FILE, SEGMENTER_FILE, is_run

_NO_MODEL = (
    "holds no model: give a run directory, a .keras file, a SavedModel directory, a .tflite or an "
    ".onnx file."
)

_TRIAL_SECONDS = 120
_TRIAL = """
import sys
import numpy as np
from ai_edge_litert.interpreter import Interpreter
signature = Interpreter(model_path=sys.argv[1], num_threads=1).get_signature_runner()
details = signature.get_input_details()
signature(**{n: np.zeros(abs(d["shape_signature"]), "float32") for n, d in details.items()})
"""


@dataclass(frozen=True)
class ModelFiles:
    """A model that was found, and whose files are not known to be damaged.

    Attributes:
        path: Run directory, file, or SavedModel directory (of the highest version).
        format: "run", "keras", "savedmodel", "tflite" or "onnx".
        sidecar: The `metadata.json` beside it; None where there is none.
        listed: Whether the `SHA256SUMS` beside it lists its content; None where none lies there.
    """

    path: Path
    format: str
    sidecar: Sidecar | None = None
    listed: bool | None = None

    @property
    def needs_tensorflow(self) -> bool:
        """Whether opening it imports TensorFlow."""
        return self.format not in ("tflite", "onnx")


def find_model(path: str | Path) -> ModelFiles:
    """Find a model of any format this package writes, and check its files.

    Archives are not unpacked before their sizes are known; every file is compared with the
    `SHA256SUMS` of its export, where that lies beside; a `.tflite` file that no list vouches for
    is tried in a process of its own first, which LiteRT may crash.

    Args:
        path: A run directory, a `.keras` file, a SavedModel directory or its parent of version
            folders (the highest is taken), a `.tflite` or an `.onnx` file.

    Returns:
        The model, for `open_runner`.

    Raises:
        UserError: There is no model at `path`, its files are damaged or not those that were
            exported, or its `metadata.json` cannot be used or is of another model.
    """
    refuse_url(path)
    path = Path(path)
    if not os.path.exists(path):  # which raises nothing, as `Path.exists` may
        raise UserError(f"{path} is not a file or folder, so it {_NO_MODEL}")
    if is_run(path):
        _check_run(path)
        return ModelFiles(path, "run")
    if path.suffix == ".keras" or path.is_file():
        if path.suffix not in (".tflite", ".onnx"):
            read_keras_config(path)
        file, files, folders = path, [path], [path.absolute().parent]
    else:
        file = _savedmodel_directory(path)
        files = [file / "saved_model.pb", *sorted((file / "variables").glob("*"))]
        # The list of an export lies two folders above: `<name>/<kind>/<version>`.
        folders = [file.absolute(), *file.absolute().parents[:2]]
    sidecar = read_sidecar(file)
    if sidecar is not None:
        files.append(sidecar.source)
        sidecar.check_hash(file)
    listed = check_listed([part.absolute() for part in files], folders)
    if path.suffix == ".tflite" and not listed:
        _try_tflite(path)
    return ModelFiles(file, file.suffix[1:] if path.is_file() else "savedmodel", sidecar, listed)


def _check_run(run: Path) -> None:
    for name in (BEST_FILE, SEGMENTER_FILE):
        if (run / name).is_file():
            read_keras_config(run / name)
    if (run / CLASSIFIER_FILE).is_file():
        read_json_member(run / CLASSIFIER_FILE, SCHEMA_FILE)


def _savedmodel_directory(path: Path) -> Path:
    if (path / "saved_model.pb").is_file():
        return path
    directory = latest_version(path)
    if directory is None:
        raise UserError(f"{path} {_NO_MODEL}")
    return directory


def _try_tflite(path: Path) -> None:
    """Predict once in a process of its own: a damaged file can end the one that runs it.

    Raises:
        UserError: It ended that process, or did not come to an end.
    """
    command = [sys.executable, "-P", "-c", _TRIAL, str(path)]
    try:
        trial = subprocess.run(command, capture_output=True, timeout=_TRIAL_SECONDS)  # noqa: S603
    except subprocess.TimeoutExpired as error:
        raise UserError(
            f"{path} is damaged or too slow: it gave no answer in {_TRIAL_SECONDS} seconds."
        ) from error
    # 1 is an exception: opening it here will meet it again and say what it is.
    if trial.returncode not in (0, 1):
        raise UserError(f"{path} is damaged: LiteRT crashes on it; copy or export it again.")
