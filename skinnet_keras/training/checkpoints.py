"""The files of a stage's checkpoints, and what a resumed training finds in them.

`state.json` is the one that counts: it says which epochs are done, which weights belong to the
last of them, and which epoch is the best. Everything it names is written before it, everything
else is removed after it, so a process killed at any moment leaves a state whose files are there.
What it does not name belongs to an epoch that was lost.

    epoch_0007.weights.h5   weights and optimiser after an epoch; the last, and every n-th
    best.weights.h5         weights of the best epoch; best.json holds that epoch and its score
    best_0007.weights.h5    the same on its way there, until state.json names its epoch
    final.weights.h5        averaged weights of the last epoch, of a stage with `ema`
    state.json
"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

import keras

from skinnet_keras.atomic import atomic_file, write_json

STATE = "state.json"
BEST = "best.weights.h5"
FINAL = "final.weights.h5"
_NUMBERED = re.compile(r"(epoch|best)_(\d+)\.weights\.h5")


def epoch_file(epoch: int) -> str:
    """Name of the weights and optimiser after an epoch, counted from 1."""
    return f"epoch_{epoch:04d}.weights.h5"


def new_best_file(epoch: int) -> str:
    """Name of the best weights until `state.json` names their epoch."""
    return f"best_{epoch:04d}.weights.h5"


def epochs_done(directory: Path) -> int:
    """Number of epochs of a stage that need not be repeated."""
    state = read_json(directory / STATE)
    return state["epoch"] if state else 0


def read_best(directory: Path) -> dict[str, Any] | None:
    """The best epoch of a stage so far: `epoch`, `monitor`, `score`.

    Without a state it is epoch 0, where a stage measured its start before its first epoch.
    """
    state = read_json(directory / STATE)
    if state and "best" in state:
        return state["best"]
    best = read_json(directory / "best.json")
    return best if best and best["epoch"] <= epochs_done(directory) else None


def tidy(directory: Path, every: int) -> None:
    """Put the best weights in their place, and remove what no state names.

    After every epoch, and once more by a training that is resumed.

    Args:
        directory: Folder of the stage.
        every: Epochs between the checkpoints that are kept.
    """
    if not directory.is_dir():
        return
    state, done, best = read_json(directory / STATE) or {}, epochs_done(directory), None
    if "best" in state:
        best = state["best"]
    for path in directory.iterdir():
        numbered = _NUMBERED.fullmatch(path.name)
        if numbered is None:
            half_written = path.name.startswith(".")
            if half_written or (path.name == FINAL and state.get("final") != FINAL):
                path.unlink()
            continue
        kind, epoch = numbered[1], int(numbered[2])
        if kind == "best" and best and epoch == best["epoch"]:
            os.replace(path, directory / BEST)
        elif kind == "best" or epoch > done or (epoch < done and epoch % every):
            path.unlink()
    if best and read_json(directory / "best.json") != best:
        write_json(directory / "best.json", best)


def save_weights(model: keras.Model, path: Path) -> None:
    """Save weights (and the optimiser of a compiled model) atomically."""
    with atomic_file(path) as temporary:
        model.save_weights(temporary)


def random_states(model: keras.Model) -> list[list[int]]:
    """The states of a model's random generators (dropout), which weights files leave out."""
    return [keras.ops.convert_to_numpy(v).tolist() for v in _generators(model)]


def set_random_states(model: keras.Model, states: list[list[int]]) -> None:
    """Let the random generators of a model go on from `random_states`."""
    for variable, state in zip(_generators(model), states, strict=True):
        variable.assign(state)


def _generators(model: keras.Model) -> list[keras.Variable]:
    return [v for v in model.variables if v.name == "seed_generator_state"]


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file, or None when there is no such file."""
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None
