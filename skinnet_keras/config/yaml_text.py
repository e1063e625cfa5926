"""YAML of strangers as plain values: safe, small, every key once; errors are one sentence."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from skinnet_keras.errors import UserError

_MAX_BYTES = 256 * 2**10
_MAX_VALUES = 20_000
_MAX_DEPTH = 32
_SHOWN = 40

_PLAIN = "tag:yaml.org,2002:"
_TAGS = {_PLAIN + name for name in ("null", "bool", "int", "float", "str", "seq", "map", "merge")}
# No terminal and no file takes them: control characters and halves of UTF-16 pairs.
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff]")


class _Loader(yaml.SafeLoader):
    """Safe YAML whose dates stay text: no value of ours is a date."""

    yaml_implicit_resolvers = {  # noqa: RUF012  (the name is PyYAML's)
        first: [(tag, pattern) for tag, pattern in resolvers if tag != f"{_PLAIN}timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep=deep)
        except (ValueError, LookupError, OverflowError) as error:
            # `int` of more digits than Python reads, `!!bool maybe`.
            kind = node.tag.removeprefix(_PLAIN)
            raise _error(node, f"{shorten(node.value)!r} cannot be read as {kind}") from error


def read_yaml(path: Path, what: str) -> Any:
    """Read a YAML file of plain values.

    Args:
        path: The file, of at most 256 KiB.
        what: What it is to be, for errors: "config", "costs".

    Returns:
        Dicts with text keys, lists, text, numbers, booleans and None; no two of them are one
        object.

    Raises:
        UserError: It cannot be read, is no UTF-8, or `parse_yaml` refuses its text.
    """
    origin = f"{what} {path}"
    try:
        status = os.stat(path)
        if not stat.S_ISREG(status.st_mode):  # Opening a pipe waits for somebody to write.
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "no regular file"
            raise UserError(f"{origin} is {kind}: give a YAML file.")
        if status.st_size > _MAX_BYTES:
            raise UserError(
                f"{origin} has {status.st_size:,} bytes, more than the {_MAX_BYTES:,} that are "
                f"read: is it YAML?"
            )
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UserError(f"{origin} is no UTF-8 text: save it as UTF-8.") from error
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{origin} cannot be read: {reason}.") from error
    return parse_yaml(text, origin)


def parse_yaml(text: str, origin: str) -> Any:
    """Parse YAML of plain values; `origin` names it in errors.

    Anchors and merge keys (`<<`) are written out: what uses them can be changed alone.

    Raises:
        UserError: It is no YAML, names a key twice, has a key that is no text, a tag or a
            character of no plain value, is nested too deeply, or is too large written out.
    """
    loader = None
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, 0, {})
        return _written_out(loader.construct_document(node))
    except yaml.YAMLError as error:
        raise UserError(f"{origin} is not valid YAML: {_sentence(error, text)}.") from error
    except RecursionError as error:  # PyYAML's own, before there is a node to look at
        raise UserError(
            f"{origin} is not valid YAML: it is nested deeper than {_MAX_DEPTH} levels."
        ) from error
    finally:
        if loader is not None:
            loader.dispose()


def shorten(text: object, length: int = _SHOWN) -> str:
    """A value as it is shown in a sentence: one line, cut off where it is long."""
    line = " ".join(str(text).split())
    return line if len(line) <= length else f"{line[: length - 3]}..."


def _check(node: yaml.Node, depth: int, sizes: dict[int, int]) -> int:
    """Count a node's values with its aliases written out.

    Args:
        node: The node.
        depth: Levels it lies within.
        sizes: Counts of the nodes that were checked, by identity; 0 while one is being checked.
    """
    known = sizes.get(id(node))
    if known == 0:
        raise _error(node, "an anchor holds itself")
    if known is not None:
        return known
    if depth > _MAX_DEPTH:
        raise _error(node, f"it is nested deeper than {_MAX_DEPTH} levels")
    if node.tag not in _TAGS:
        raise _error(node, f"the tag {shorten(node.tag)!r} is for no plain value")
    sizes[id(node)] = 0
    size = 1
    if isinstance(node, yaml.ScalarNode):
        if _UNWRITABLE.search(node.value):
            raise _error(node, f"{node.value[:_SHOWN]!r} holds a character that is no text")
    elif isinstance(node, yaml.MappingNode):
        keys = set()
        for key, value in node.value:
            if key.tag != f"{_PLAIN}merge":
                if not isinstance(key, yaml.ScalarNode) or key.tag != f"{_PLAIN}str":
                    raise _error(key, f"the key {shorten(key.value)!r} is no text: quote it")
                if key.value in keys:
                    raise _error(key, f"the key {shorten(key.value)!r} is there twice: keep one")
                keys.add(key.value)
            size += _check(key, depth, sizes) + _check(value, depth + 1, sizes)
    else:
        size += sum(_check(item, depth + 1, sizes) for item in node.value)
    if size > _MAX_VALUES:
        raise _error(node, f"it holds more than {_MAX_VALUES:,} values")
    sizes[id(node)] = size
    return size


def _written_out(value: Any) -> Any:
    """A copy in which nothing is shared, so that changing one place changes no other."""
    if isinstance(value, dict):
        return {key: _written_out(item) for key, item in value.items()}
    return [_written_out(item) for item in value] if isinstance(value, list) else value


def _error(node: yaml.Node, problem: str) -> yaml.MarkedYAMLError:
    return yaml.MarkedYAMLError(problem=problem, problem_mark=node.start_mark)


def _sentence(error: yaml.YAMLError, text: str) -> str:
    if isinstance(error, ReaderError):
        line = text.count("\n", 0, error.position) + 1
        return f"line {line}: {chr(error.character)!r} is a character that is no text"
    mark = getattr(error, "problem_mark", None)
    place = "" if mark is None else f"line {mark.line + 1}, column {mark.column + 1}: "
    return f"{place}{shorten(getattr(error, 'problem', None) or error, 200)}"
