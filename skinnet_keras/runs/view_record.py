"""`tta.json`: marks a folder of predictions that are means over views, and says of what."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import write_json
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file
from skinnet_keras.runs.files import is_run

TTA_FILE = "tta.json"
"""Describes test-time augmentation, and marks the folder that holds its predictions."""


@dataclass(frozen=True)
class TtaRecord:
    """What the commands that read such a folder need of its `tta.json`.

    Attributes:
        run: The run whose network predicted, as an absolute path.
        views: Name of the set of views.
        count: Number of views.
    """

    run: str
    views: str
    count: int

    @property
    def sentence(self) -> str:
        """What a reader of the figures must know."""
        return (
            f"The probabilities are means over {self.count} views of each image ({self.views}; "
            f"test-time augmentation), predicted by the network of the run {Path(self.run).name}: "
            "a client of that network alone gets other ones."
        )


def write_tta(folder: Path, content: Mapping[str, Any]) -> None:
    """Write `tta.json`.

    Args:
        folder: Where to.
        content: JSON values; `run.path`, `views.name` and `views.count` are read again.
    """
    write_json(folder / TTA_FILE, dict(content), allow_nan=False)


def read_tta(folder: Path) -> TtaRecord | None:
    """Read the `tta.json` of a folder; None where there is none.

    Raises:
        UserError: The file is damaged.
    """
    file = folder / TTA_FILE
    if not file.is_file():
        return None
    try:
        content = read_json_file(file)
        run, views = content["run"], content["views"]
        path = str(run["path"])
        if isinstance(run.get("relative_path"), str):
            beside = Path(os.path.normpath(folder.resolve() / run["relative_path"]))
            path = str(beside) if is_run(beside) else path
        return TtaRecord(path, str(views["name"]), int(views["count"]))
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise UserError(f"{file} is damaged: make the folder again with `skinnet tta`.") from error
