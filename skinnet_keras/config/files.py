"""Configs as YAML: read, choose a recipe, override, check; errors are one sentence."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import BaseModel, ValidationError

from skinnet_keras.config.experiment import Config
from skinnet_keras.config.recipes import choose_recipe
from skinnet_keras.config.yaml_text import parse_yaml, read_yaml, shorten
from skinnet_keras.errors import UserError


def load_config(path: Path, overrides: list[str] | None = None) -> Config:
    """Read and check a YAML config.

    Args:
        path: The YAML file.
        overrides: `key=value` pairs; dots lead into sections, values are YAML
            (`stages.cnn.epochs=2`). `recipe=NAME` chooses one of the file's `recipes`, whose
            values come before those of the other overrides.

    Raises:
        UserError: Unreadable file, unknown key (with the valid keys), unknown recipe, or a bad
            value.
    """
    raw = read_yaml(path, "config")
    if not isinstance(raw, dict):
        raise UserError(f"config {path} must hold keys and values, see the README's example.")
    pairs = [(override, *_key_and_value(override)) for override in overrides or []]
    _refuse_repeated(key for _, key, _ in pairs)
    recipes = [value for _, key, value in pairs if key == "recipe"]
    raw = choose_recipe(raw, recipes[-1] if recipes else None, str(path))
    for override, key, value in pairs:
        if key != "recipe":
            _set(raw, key, value, override)
    return parse_config(raw, str(path))


def parse_config(raw: dict[str, Any], origin: str) -> Config:
    """Check a config given as plain data; `origin` names it in errors."""
    try:
        return Config.model_validate(raw)
    except ValidationError as error:
        raise UserError(f"config {origin}: {_sentence(error)}") from error


def dump_config(config: Config) -> str:
    """The config as YAML, every default written out."""
    return yaml.safe_dump(config.model_dump(), sort_keys=False)


def _key_and_value(override: str) -> tuple[str, Any]:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise UserError(f"override {shorten(override)!r} is not of the form key=value.")
    return key, parse_yaml(text, f"override {shorten(override)!r}: the value")


def _refuse_repeated(keys: Iterable[str]) -> None:
    seen: set[str] = set()
    for key in keys:
        if key in seen:
            raise UserError(f"override {shorten(key)!r} is given twice: keep one.")
        seen.add(key)


def _set(raw: dict[str, Any], key: str, value: Any, override: str) -> None:
    *sections, last = key.split(".")
    for section in sections:
        if raw.get(section) is None:
            raw[section] = {}
        raw = raw[section]
        if not isinstance(raw, dict):
            raise UserError(
                f"override {shorten(override)!r}: {shorten(section)} holds a value, not a section."
            )
    raw[last] = value


def _sentence(error: ValidationError) -> str:
    first = error.errors()[0]
    location = [str(part) for part in first["loc"]]
    key = shorten(".".join(location), 100)
    if first["type"] == "extra_forbidden":
        valid = _keys_at(location[:-1])
        close = difflib.get_close_matches(location[-1], valid, n=1)
        hint = f"did you mean {close[0]!r}? " if close else ""
        return f"unknown key {key!r}: {hint}valid keys here are {', '.join(valid)}."
    if first["type"] == "missing":
        return f"key {key!r} is missing."
    message = first["msg"]
    if first["type"] == "value_error":
        message = message.removeprefix("Value error, ")  # a sentence of ours
    else:
        message = message[0].lower() + message[1:]
    return f"{key + ': ' if key else ''}{message}."


def _keys_at(sections: list[str]) -> list[str]:
    """The valid keys of the section at a path such as ["stages", "cnn"]."""
    model: type[BaseModel] = Config
    for section in sections:
        if section.isdecimal():
            continue  # The number of an item: its list has led to its section already.
        model = next(_sections_in(model.model_fields[section].annotation))
    return list(model.model_fields)


def _sections_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """The section, or the optional or the list of one, that a field is annotated with."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for choice in get_args(annotation):
        yield from _sections_in(choice)
