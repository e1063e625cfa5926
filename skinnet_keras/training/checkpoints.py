"""The files of a stage's checkpoints, and what a resumed training finds in them.

`state.json` is the one that counts: it says which epochs are done, which weights belong to the
last of them, and which epoch is the best. Everything it names is written before it, everything
else is removed after it, so a process killed at any moment leaves a state whose files are there.
What it does not name belongs to an epoch that was lost. Where one of its files is damaged, a
resumed training goes back to the newest epoch whose files are whole (`recover`).

    epoch_0007.weights.h5   weights and optimiser after an epoch: the last two, and every n-th
    epoch_0007.json         what state.json was after that epoch
    best.weights.h5         weights of the best epoch; best.json holds that epoch and its score
    best_0007.weights.h5    the same on its way there, until state.json names its epoch
    final.weights.h5        averaged weights of the last epoch, of a stage with `ema`
    state.json
"""

from __future__ import annotations

import math
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py
import keras

from skinnet_keras.atomic import atomic_file, reserve, write_json
from skinnet_keras.errors import UserError
from skinnet_keras.json_text import read_json_file
from skinnet_keras.runs.files import file_sha256

STATE = "state.json"
BEST = "best.weights.h5"
FINAL = "final.weights.h5"
_NUMBERED = re.compile(r"(epoch|best)_(\d+)(\.weights\.h5|\.json)")


def epoch_file(epoch: int) -> str:
    """Name of the weights and optimiser after an epoch, counted from 1."""
    return f"epoch_{epoch:04d}.weights.h5"


def new_best_file(epoch: int) -> str:
    """Name of the best weights until `state.json` names their epoch."""
    return f"best_{epoch:04d}.weights.h5"


def state_file(epoch: int) -> str:
    """Name of the state after an epoch."""
    return f"epoch_{epoch:04d}.json"


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
        elif kind == "best" or epoch > done or (epoch < done - 1 and epoch % every):
            path.unlink()
    if best and _read_whole(directory / "best.json") != best:
        write_json(directory / "best.json", best)


def recover(directory: Path, every: int) -> str | None:
    """Go back to the newest epoch whose files are whole, where those of the last are damaged.

    Afterwards `state.json` is readable, and everything it names is there and whole. Where the
    training is deterministic, the repeated epochs end with the same weights.

    Args:
        directory: Folder of the stage.
        every: Epochs between the checkpoints that are kept.

    Returns:
        What was damaged and where the stage goes on, for the log; None where all is whole.

    Raises:
        UserError: There is no such epoch.
    """
    file, best_file = directory / STATE, directory / "best.json"
    if not file.exists():
        if not best_file.exists() or _read_whole(best_file):
            return None
        best_file.unlink()
        return f"{best_file} is damaged: the start of the stage is measured again"
    damaged, last = file, _read_whole(file)
    if last:
        best_is_damaged = best_file.exists() and not _read_whole(best_file)
        tidy(directory, every)  # the best weights may be on their way to their place
        broken = _first_damaged(directory, last)
        if broken is None:
            return f"{best_file} was damaged: taken from {STATE}" if best_is_damaged else None
        damaged = directory / broken
    for state in _states(directory):
        usable = _with_whole_best(directory, state, last or state)
        if usable and _is_whole(directory, state, state["weights"]):
            write_json(file, usable)
            tidy(directory, every)
            return f"{damaged} is damaged: going on after epoch {usable['epoch']}, which is whole"
    raise UserError(
        f"{damaged} is damaged, and no earlier checkpoint of the stage is whole: restore it from "
        f"a copy, or remove {directory} to train the stage from its start."
    )


def _states(directory: Path) -> Iterator[dict[str, Any]]:
    """The states after the epochs whose weights are kept, the newest first."""
    for path in sorted(directory.glob("epoch_*.json"), reverse=True):
        state = _read_whole(path)
        if state:
            yield state


def _with_whole_best(
    directory: Path, state: dict[str, Any], last: dict[str, Any]
) -> dict[str, Any] | None:
    """A state to go on from, whose best epoch is one whose weights are whole.

    That of a later epoch stays the best: the epochs that are repeated lead there again.
    """
    best, hashes = last.get("best"), {**state["sha256"], BEST: last.get("sha256", {}).get(BEST)}
    if best is None or _is_whole(directory, {"sha256": hashes}, BEST):
        return {**state, "best": best, "sha256": hashes}
    # Its weights are gone: the epochs after this one have to find it again.
    if best["epoch"] > state["epoch"]:
        return {**state, "best": None, "sha256": {**hashes, BEST: None}}
    return None


def _first_damaged(directory: Path, state: dict[str, Any]) -> str | None:
    named = {state["weights"]: True, BEST: state.get("best"), FINAL: state.get("final")}
    names = [name for name, is_named in named.items() if is_named]
    return next((name for name in names if not _is_whole(directory, state, name)), None)


def _is_whole(directory: Path, state: dict[str, Any], name: str) -> bool:
    """Compare a file with its recorded hash; one of an earlier version has to open."""
    path = directory / name
    expected = state.get("sha256", {}).get(name)
    if expected:
        return path.is_file() and file_sha256(path) == expected
    try:
        with h5py.File(path):
            return True
    except OSError:
        return False


def _read_whole(path: Path) -> dict[str, Any] | None:
    """The content of a JSON file, or None where there is none or it is damaged."""
    try:
        content = read_json_file(path)
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None


def save_weights(model: keras.Model, path: Path) -> str:
    """Save weights (and the optimiser of a compiled model) atomically; return their SHA-256."""
    with atomic_file(path) as temporary:
        # After a failed write HDF5 can neither close the file nor end with the process.
        reserve(temporary, _largest_size(model))
        model.save_weights(temporary)
        return file_sha256(temporary)


def _largest_size(model: keras.Model) -> int:
    """Bytes that a weights file cannot exceed: 4 KiB for the names of each variable, generously."""
    optimizer = getattr(model, "optimizer", None)  # there once it is compiled
    variables = [*model.variables, *(optimizer.variables if optimizer else ())]
    numbers = sum(math.prod(v.shape) * (8 if "64" in v.dtype else 4) for v in variables)
    return numbers + 4096 * len(variables) + 65536


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
    """The content of a JSON file, or None when there is no such file.

    Raises:
        UserError: It is damaged.
    """
    if not path.is_file():
        return None
    content = _read_whole(path)
    if content is None:
        raise UserError(f"{path} is damaged: restore it from a copy, or train the run again.")
    return content
