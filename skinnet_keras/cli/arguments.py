"""What is checked of every verb's arguments before it begins, and before TensorFlow is loaded."""

from __future__ import annotations

import functools
import inspect
import math
import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from skinnet_keras.errors import UserError

OUTPUTS = ("out", "overlay")
"""Parameters that are written to: a folder, or a file where their metavar is FILE."""

FILE = "FILE"

# Bounds that options of one name share. The upper ones are far beyond what serves anybody.
BOUNDS: dict[str, tuple[float, float]] = {
    "at_sensitivity": (0, 1),
    "at_specificity": (0, 1),
    "batch_size": (1, 65_536),
    "bins": (1, 10_000),
    "bootstrap": (0, 1_000_000),
    "classes": (8, 9),
    "count": (1, 100_000),
    "folds": (2, 1000),
    "image_size": (32, 2048),
    "min_tpr": (0, 1),
    "pictures": (0, 100_000),
    "rounds": (1, 100_000),
    "seconds": (0, 86_400),
    "seed": (0, 2**32 - 1),  # what NumPy and Keras take
    "threads": (1, 1024),
    "top": (1, 1000),
}
_FOLDERS = ("catalogue", "data", "resume")
_SHOWN = 120


def check_arguments(app: typer.Typer) -> None:
    """Check the arguments of all verbs of an app, those of its groups included.

    - A number is finite, and within the bounds of options of its name.
    - A path can be a path here, and is there. Nothing but files and folders is opened: a pipe
      would wait for somebody to write into it.
    - What is to be written can be: it is no file where a folder is to be, or the other way round,
      and the folder that it goes to can be written into.
    """
    for command in app.registered_commands:
        if command.callback is not None:
            command.callback = _checked(command.callback)
    for group in app.registered_groups:
        if group.typer_instance is not None:
            check_arguments(group.typer_instance)


def _checked(verb: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(verb)
    def run(**arguments: Any) -> Any:
        options = _options(verb)
        for name, value in arguments.items():
            for item in value if isinstance(value, list) else [value]:
                if isinstance(item, int | float):
                    check_number(name, item)
                elif isinstance(item, Path) and name in OUTPUTS:
                    check_output(item, is_file=options[name].metavar == FILE)
                elif isinstance(item, Path):
                    check_input(item, is_folder=name in _FOLDERS)
        return verb(**arguments)

    return run


def _options(verb: Callable[..., Any]) -> dict[str, Any]:
    """Typer's facts about each parameter of a verb."""
    parameters = inspect.signature(verb, eval_str=True).parameters
    return {name: parameter.annotation.__metadata__[0] for name, parameter in parameters.items()}


def check_number(name: str, value: float) -> None:
    """Check a number given for an option.

    Args:
        name: Name of the parameter.
        value: The number.

    Raises:
        UserError: It is not finite, or not within `BOUNDS`.
    """
    option = f"--{name.replace('_', '-')} {value}"
    low, high = BOUNDS.get(name, (-math.inf, math.inf))
    if not low <= value <= high:
        raise UserError(f"{option}: give a number from {low:,} to {high:,}.")
    if not math.isfinite(value):
        raise UserError(f"{option}: give a finite number.")


def check_input(path: Path, *, is_folder: bool = False) -> None:
    """Check that a path that is to be read is there, and is a file or a folder.

    Args:
        path: The path.
        is_folder: Whether only a folder serves.

    Raises:
        UserError: It is not there, or something else.
    """
    mode = _mode(path)
    if mode is None:
        raise UserError(f"{_shown(path)} does not exist: no such file or folder.")
    if is_folder and not stat.S_ISDIR(mode):
        raise UserError(f"{_shown(path)} is a file where a folder is to be given.")


def check_output(path: Path, *, is_file: bool) -> None:
    """Check that a file or a folder can be written, now, under a name.

    Args:
        path: The name.
        is_file: Whether it is to be a file.

    Raises:
        UserError: The other kind is there, or its folder cannot be written into.
    """
    mode = _mode(path)
    if mode is not None and stat.S_ISDIR(mode) == is_file:
        there, wanted = ("folder", "file") if is_file else ("file", "folder")
        raise UserError(
            f"{_shown(path)} is a {there} where a {wanted} is to be written: choose another name."
        )
    folder = path.absolute() if mode is not None and not is_file else path.absolute().parent
    while not folder.exists():
        folder = folder.parent
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(
            f"{_shown(path)} cannot be written: there is no right to write into {folder}; choose "
            "another name."
        )


def _mode(path: Path) -> int | None:
    """What is there, links followed; None where nothing is.

    Raises:
        UserError: The path can be none, or is neither file nor folder.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise UserError(
                f"{_shown(path)} is a link to {_shown(os.readlink(path))}, where nothing is."
            ) from None
        return None
    except OSError as error:
        raise UserError(f"{_shown(path)}: {error.strerror}.") from error
    except ValueError as error:  # a NUL, or half of a pair of UTF-16
        raise UserError(f"{str(path)[:_SHOWN]!r} can be no path: {error}.") from error
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        raise UserError(f"{_shown(path)} is neither a file nor a folder: a pipe or a device.")
    return mode


def _shown(path: str | Path) -> str:
    text = str(path)
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
