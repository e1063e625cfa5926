"""`serving/` of an export: `models.config`, `batching.config` and `compose.yaml`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from string import Template

from skinnet_keras.atomic import atomic_file
from skinnet_keras.inference.versions import version_folders

SERVING_DIRECTORY = "serving"

MODELS_CONFIG = "models.config"


@dataclass(frozen=True)
class ServedVersions:
    """The versions of one model that are served side by side.

    Attributes:
        stable: The one that clients are to use.
        canary: The newest; the same where there is no other.
    """

    stable: int
    canary: int


def served_name(name: str, kind: str) -> str:
    """Name under which TensorFlow Serving serves one model of an export."""
    return f"{name}_{kind}"


def write_serving_files(directory: Path, name: str, kinds: tuple[str, ...]) -> None:
    """Write what serves the SavedModels of an export, for the versions that are there.

    The newest version becomes `canary`; `stable` stays where the `models.config` that is there
    has it, so that an export never promotes a version. Without a SavedModel nothing is written.

    Args:
        directory: Folder of the exported model.
        name: Its name.
        kinds: Kinds of models.
    """
    target = directory / SERVING_DIRECTORY
    labels = _stable_labels(target / MODELS_CONFIG)
    served = {
        served_name(name, kind): (kind, _choose(versions, labels.get(served_name(name, kind))))
        for kind in kinds
        if (versions := [int(folder.name) for folder in version_folders(directory / kind)])
    }
    if not served:
        return
    texts = {
        MODELS_CONFIG: _models_config(name, served),
        "batching.config": _template("batching.config"),
        "compose.yaml": _template("compose.yaml", name=name, model=next(reversed(served))),
    }
    for file, text in texts.items():
        with atomic_file(target / file) as temporary:
            temporary.write_text(text, encoding="utf-8")


def _choose(versions: list[int], stable: int | None) -> ServedVersions:
    newest = max(versions)
    if stable not in versions:
        earlier = [version for version in versions if version < newest]
        stable = max(earlier, default=newest)
    return ServedVersions(stable, newest)


def _stable_labels(file: Path) -> dict[str, int]:
    """Which version of each model an existing `models.config` calls stable."""
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    text = re.sub(r"#.*", "", text)
    found = {}
    for part in re.split(r"\bconfig\s*\{", text)[1:]:
        name = re.search(r"\bname:\s*['\"]([^'\"]+)", part)
        stable = re.search(r"key:\s*['\"]stable['\"]\s*,?\s*value:\s*(\d+)", part)
        if name and stable:
            found[name[1]] = int(stable[1])
    return found


def _models_config(name: str, served: Mapping[str, tuple[str, ServedVersions]]) -> str:
    blocks = []
    for model, (kind, versions) in served.items():
        numbers = sorted({versions.stable, versions.canary})
        specific = " ".join(f"versions: {number}" for number in numbers)
        blocks += [
            "  config {",
            f'    name: "{model}"',
            f'    base_path: "/models/{name}/{kind}"',
            '    model_platform: "tensorflow"',
            f"    model_version_policy {{ specific {{ {specific} }} }}",
            f'    version_labels {{ key: "stable" value: {versions.stable} }}',
            f'    version_labels {{ key: "canary" value: {versions.canary} }}',
            "  }",
        ]
    return _template(MODELS_CONFIG, configs="\n".join(blocks))


def _template(file: str, **values: str) -> str:
    text = (files(__package__) / "templates" / file).read_text(encoding="utf-8")
    return Template(text).substitute(values)
