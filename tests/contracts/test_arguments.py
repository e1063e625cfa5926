"""Every verb refuses hostile paths and numbers with one sentence, before TensorFlow is loaded."""

from __future__ import annotations

import inspect
import os
import socket
from pathlib import Path
from typing import Any, get_args

import pytest
import typer
from typer.testing import CliRunner

import skinnet_keras.cli.quiet
from skinnet_keras.cli.arguments import FILE, OUTPUTS
from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError

ABSURD = ("nan", "inf", "-inf", "-1", str(10**30), "1e300")


def _verbs(group: typer.Typer, words: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    found = {}
    for command in group.registered_commands:
        name = command.name or command.callback.__name__
        found[(*words, name)] = inspect.unwrap(command.callback)
    for child in group.registered_groups:
        found |= _verbs(child.typer_instance, (*words, child.name))
    return found


VERBS = _verbs(app)


def _parameters(verb) -> dict[str, tuple[type, Any, inspect.Parameter]]:
    """Name -> type (int, float, str, Path, ...), Typer's facts, and the parameter itself."""
    found = {}
    for name, parameter in inspect.signature(verb, eval_str=True).parameters.items():
        annotation, info = get_args(parameter.annotation)[0], parameter.annotation.__metadata__[0]
        kinds = [annotation, *get_args(annotation), *map(get_args, get_args(annotation))]
        flat = [kind for item in kinds for kind in (item if isinstance(item, tuple) else (item,))]
        kind = next((k for k in (bool, int, float, Path, str) if k in flat), str)
        found[name] = (kind, info, parameter)
    return found


def _all(kinds: tuple[type, ...]):
    for words, verb in VERBS.items():
        for name, (kind, info, _) in _parameters(verb).items():
            # A parser has rules of its own.
            if kind in kinds and getattr(info, "parser", None) is None:
                yield pytest.param(words, name, id=f"{' '.join(words)}-{name}")


def _line(words: tuple[str, ...], name: str, value: str, filler: Path) -> list[str]:
    """A command line with `value` for one parameter and something for those that are required."""
    options, arguments = [], []
    for other, (_, info, parameter) in _parameters(VERBS[words]).items():
        required = parameter.default is inspect.Parameter.empty
        if other != name and not required:
            continue
        text = value if other == name else str(filler / "new" if other in OUTPUTS else filler)
        if isinstance(info, typer.models.OptionInfo):
            flag = next(iter(info.param_decls or ()), f"--{other.replace('_', '-')}")
            options += [f"{flag}={text}"]
        else:
            arguments.append(text)
    return [*words, *options, "--", *arguments]


@pytest.fixture
def refused(monkeypatch, tmp_path):
    """Run a verb that must refuse its arguments; returns what it said."""

    def heavy(*_):
        raise AssertionError("TensorFlow would have been loaded")

    monkeypatch.setattr(skinnet_keras.cli.quiet, "import_tensorflow_quietly", heavy)
    monkeypatch.chdir(tmp_path)
    filler = tmp_path / "filler"
    filler.mkdir()

    def run(words, name, value) -> str:
        result = CliRunner(env={"COLUMNS": "500"}).invoke(app, _line(words, name, value, filler))
        if isinstance(result.exception, UserError):
            said = str(result.exception)
            assert "\n" not in said
            assert len(said) < 500
        else:  # Typer's own, for a word that is no number
            assert result.exit_code == 2, (value, result.exception)
            said = result.output
        assert not list(filler.iterdir())
        return said

    return run


def _hostile(folder: Path) -> dict[str, str]:
    """Paths of nothing that can be read or written: path -> a part of what is said of it."""
    (folder / "file").write_text("x")
    os.mkfifo(folder / "pipe")
    (folder / "dangling").symlink_to(folder / "gone")
    (folder / "loop").symlink_to(folder / "loop")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(folder / "socket"))
    return {
        f"{folder}/pipe": "a pipe or a device",
        f"{folder}/socket": "a pipe or a device",
        "/dev/zero": "a pipe or a device",
        f"{folder}/dangling": "where nothing is",
        f"{folder}/loop": "ymbolic link",
        f"{folder}/{'x' * 300}": "File name too long",
        f"{folder}/nul\0": "null byte",
        f"{folder}/file/below": "Not a directory",
    }


@pytest.mark.parametrize(("words", "name"), _all((Path,)))
def test_hostile_paths(words, name, refused, tmp_path):
    for value, part in _hostile(tmp_path).items():
        assert part in refused(words, name, value)
    if name not in OUTPUTS:
        assert "no such file or folder" in refused(words, name, f"{tmp_path}/gone")


@pytest.mark.parametrize(("words", "name"), [p for p in _all((Path,)) if p.values[1] in OUTPUTS])
def test_outputs_that_are_of_the_other_kind_or_may_not_be_written(
    words, name, refused, tmp_path, monkeypatch
):
    is_file = _parameters(VERBS[words])[name][1].metavar == FILE
    (tmp_path / "file").write_text("x")
    said = refused(words, name, str(tmp_path if is_file else tmp_path / "file"))
    assert "is to be written: choose another name" in said
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    assert "no right to write into" in refused(words, name, f"{tmp_path}/new/newer")
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(("words", "name"), _all((int, float)))
def test_absurd_numbers(words, name, refused):
    flag = next(iter(_parameters(VERBS[words])[name][1].param_decls or ()), None)
    for value in ABSURD:
        said = refused(words, name, value)
        assert (flag or name.replace("_", "-")) in said


@pytest.mark.parametrize(
    ("words", "name", "value"),
    [
        *((("data", "build"), "fractions", f"{n},0.1,0.1") for n in ABSURD),
        *((("benchmark", "deploy"), "threads", f"1,{n}") for n in ABSURD),
    ],
)
def test_absurd_numbers_in_lists(words, name, value, refused):
    assert f"--{name}" in refused(words, name, value)


def test_the_verbs_are_found():
    assert len(VERBS) >= 29
    assert ("segment", "predict") in VERBS
