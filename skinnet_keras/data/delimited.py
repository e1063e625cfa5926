"""Tables of text as people save them: any usual separator, a trailing comma, spaces, a mark."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path

from skinnet_keras.errors import UserError

_SEPARATORS = (",", ";", "\t", "|")

_WORDS = "unknown - -- ? #n/a <na> missing n.a. n/a na nan none null"
PLACEHOLDERS = frozenset(["", *_WORDS.split()])
"""What people and programs write where they have nothing to write, in lower case."""


def without_placeholder(text: str) -> str:
    """Return a cell without the spaces round it; "" where it says that there is no value."""
    text = text.strip()
    return "" if text.casefold() in PLACEHOLDERS else text


def read_delimited(
    path: Path, known: Collection[str], *, needed: Collection[str] = (), what: str = "a CSV file"
) -> tuple[list[str], list[tuple[int, list[str]]]]:
    """Read a table of text.

    The separator is the one of comma, semicolon, tab and bar that gives the header's columns.
    Spaces round names and cells, a byte-order mark, empty cells behind the last column, columns
    without a name (the row numbers pandas writes) and empty rows are dropped.

    Args:
        path: The file, UTF-8.
        known: Columns that are read; in the file, upper and lower case, spaces and hyphens in
            their names do not matter.
        needed: Those of them that tell the separator.
        what: What the file should be, for errors.

    Returns:
        The header, and of every row the line it ends in (the header's is 1) and its cells. Rows
        may be shorter than the header, never longer.

    Raises:
        UserError: The file is no such table, or has no header, a column twice, or a row with more
            cells than columns.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            text = file.read()
    except UnicodeDecodeError as error:
        raise UserError(
            f"{path} cannot be read as {what} (it is no UTF-8 text: {error}): save it as CSV UTF-8."
        ) from error
    except (OSError, ValueError) as error:
        raise UserError(f"{path} cannot be read as {what} ({error}).") from error
    if "\0" in text:
        raise UserError(
            f"{path} cannot be read as {what} (it holds NUL bytes): save it as CSV UTF-8."
        )
    spelling = {_plain(name): name for name in known}
    readings = {mark: _header(text, mark, spelling) for mark in _SEPARATORS}
    separator = max(
        _SEPARATORS,
        key=lambda mark: (len(set(needed) & set(readings[mark])), len(readings[mark])),
    )
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    header: list[str] = []
    rows: list[tuple[int, list[str]]] = []
    try:
        for cells in reader:
            row = [cell.strip() for cell in cells]
            if not any(row):
                continue
            if not header:
                header = readings[separator]
                continue
            if len(row) > len(header):
                if any(row[len(header) :]):
                    raise UserError(
                        f"{path}, line {reader.line_num}: {len(row)} fields where the header has "
                        f"{len(header)}: put text that holds a {separator!r} in quotes."
                    )
                del row[len(header) :]
            rows.append((reader.line_num, row))
    except csv.Error as error:
        raise UserError(f"{path}, line {reader.line_num}: no row of {what} ({error}).") from error
    if not header:
        raise UserError(f"{path} cannot be read as {what} (it is empty).")
    named = [position for position, name in enumerate(header) if name]
    for name in header:
        if name and header.count(name) > 1:
            raise UserError(f"{path} has the column '{name}' twice: keep one.")
    if len(named) < len(header):
        rows = [(line, [row[at] for at in named if at < len(row)]) for line, row in rows]
    return [header[at] for at in named], rows


def _header(text: str, separator: str, spelling: dict[str, str]) -> list[str]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=True)
    try:
        names = next((row for row in reader if any(cell.strip() for cell in row)), [])
    except csv.Error:
        return []
    names = [name.strip() for name in names]
    while names and not names[-1]:
        names.pop()
    return [
        name if name in spelling.values() else spelling.get(_plain(name), name) for name in names
    ]


def _plain(name: str) -> str:
    return name.casefold().replace(" ", "_").replace("-", "_")
