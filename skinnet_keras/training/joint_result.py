"""Models and masks of a joint training that changed the segmentation network, published at once.

They replace files that fit together only as a whole. So they are first written to a folder of
their own, `checkpoints/joint_result/`, which appears when all of them are there; then they are
moved into the run. A process killed before that leaves the earlier files, one killed between two
moves leaves the rest in the folder, for the resumed run to move first of all. `files.json` stays:
it says that the stage is over.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from skinnet_keras.atomic import atomic_directory, write_json
from skinnet_keras.runs.run import Run
from skinnet_keras.training.checkpoints import read_json

_STAGE = "joint_result"
_LIST = "files.json"

# `best.keras` comes last: a run without it is not finished.
_ORDER = (
    "masks.npy",
    "masks.csv",
    "final_segmenter.keras",
    "final.keras",
    "segmenter.keras",
    "best.keras",
)


@contextmanager
def new_result(run: Run, description: dict[str, Any]) -> Iterator[Path]:
    """Yield a folder for some of the files of `_ORDER`, and publish them when the block succeeds.

    Args:
        run: The run.
        description: What `files.json` is to say of them; `epoch` is 0 where no training improved
            on the start.
    """
    with atomic_directory(run.stage_directory(_STAGE)) as folder:
        yield folder
        files = [name for name in _ORDER if (folder / name).is_file()]
        write_json(folder / _LIST, {**description, "files": files})
    publish_result(run)


def publish_result(run: Run) -> bool:
    """Move the files of a finished joint stage to where the run's readers look for them.

    Links to files of other runs are replaced, never written through.

    Returns:
        Whether the stage is finished; False changes nothing.
    """
    folder = run.stage_directory(_STAGE)
    result = read_json(folder / _LIST)
    if result is None:
        # What a killed process left behind can be as large as the masks of all images.
        for remains in folder.parent.glob(f".*.{_STAGE}"):
            shutil.rmtree(remains)
        return False
    for name in result["files"]:
        if (folder / name).is_file():
            os.replace(folder / name, run.directory / name)
    return True


def segmenter_was_tuned(run: Run) -> bool:
    """Tell whether the run's segmentation network is one that its joint stage has changed."""
    result = read_json(run.stage_directory(_STAGE) / _LIST)
    return result is not None and result["epoch"] > 0
