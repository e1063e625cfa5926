"""Every number of every section of a config has bounds: what lies beyond is one sentence."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any, get_args, get_origin

import pytest
from pydantic import BaseModel

from skinnet_keras.config import Config, parse_config
from skinnet_keras.config.base import NamedSection
from skinnet_keras.errors import UserError

ABSURD = (float("nan"), float("inf"), -float("inf"), 1e300, 10**400, -1, True, "nan", "-.inf")


def _numbers(model: type[BaseModel], path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all numbers below a section; 0 stands for an item of a list, "*" for any key."""
    for key, field in model.model_fields.items():
        yield from _in_annotation(field.annotation, (*path, key))


def _in_annotation(annotation: Any, path: tuple[Any, ...]) -> Iterator[tuple[Any, ...]]:
    if annotation in (int, float):
        yield path
    elif isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield from _numbers(annotation, path)
    elif get_origin(annotation) is list:
        yield from _in_annotation(get_args(annotation)[0], (*path, 0))
    elif get_origin(annotation) is dict:
        yield from _in_annotation(get_args(annotation)[1], (*path, "*"))
    else:
        for choice in get_args(annotation):
            yield from _in_annotation(choice, path)


PATHS = sorted(set(_numbers(Config)), key=str)


def _nested(path: tuple[Any, ...], value: Any) -> Any:
    for key in reversed(path):
        value = [value] if key == 0 else {key: value}
    return value


REQUIRED = {"epochs": 1, "variant": "v1", "folds": 2, "fold": 0}


def _raw(path: tuple[Any, ...], value: Any) -> dict[str, Any]:
    """A config that holds `value` at `path`, in sections whose `name` takes the key."""
    raw = {"name": "a", **_nested(path, value)}
    section, model = raw, Config
    for key in itertools.takewhile(lambda key: isinstance(key, str), path):
        if issubclass(model, NamedSection):
            for name, own in model.own_keys.items():
                if key in own:
                    required = {other: 1 for other in own if own[other] is None and other != key}
                    section |= {"name": name, **required}
        for needed, field in model.model_fields.items():
            if field.is_required() and needed in REQUIRED:
                section.setdefault(needed, REQUIRED[needed])
        if key not in model.model_fields:
            break
        section = section[key] if isinstance(section[key], dict) else {}
        found = [model.model_fields[key].annotation]
        while found:
            annotation = found.pop()
            if isinstance(annotation, type) and issubclass(annotation, BaseModel):
                model = annotation
            found.extend(get_args(annotation))
    return raw


def test_the_numbers_are_found():
    assert len(PATHS) > 70
    assert ("image_size",) in PATHS
    assert ("stages", "cnn", "optimizer", "schedule", "factor") in PATHS
    assert ("classical", "classifier", "hidden_layer_sizes", 0, 0) in PATHS


@pytest.mark.parametrize("path", PATHS, ids=lambda path: ".".join(map(str, path)))
def test_absurd_numbers_are_one_sentence_that_names_the_key(path):
    key = next(part for part in reversed(path) if isinstance(part, str) and part != "*")
    for value in ABSURD:
        with pytest.raises(UserError) as error:
            parse_config(_raw(path, value), "c.yaml")
        sentence = str(error.value)
        assert key in sentence
        assert "\n" not in sentence
        assert len(sentence) < 300


@pytest.mark.parametrize("number", [float("nan"), 1e300, 10**400, float("-inf")])
@pytest.mark.parametrize("section", ["segmenter", "segmentation_loss"])
def test_numbers_among_the_arguments_of_a_builder(section, number):
    for arguments in ({"alpha": number}, {"widths": [16, number]}, {"a": {"b": [[number]]}}):
        with pytest.raises(UserError, match=rf"{section}\.arguments: its numbers"):
            parse_config({"name": "a", section: {"arguments": arguments}}, "c.yaml")
