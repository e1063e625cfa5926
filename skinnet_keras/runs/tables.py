"""The CSV files of a run, read strictly: what a killed machine or a full disk left is named."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection
from pathlib import Path


def read_rows(path: Path, columns: Collection[str] = ()) -> list[dict[str, str]]:
    """Read a CSV file that this package has written: every row has every column.

    Args:
        path: The file.
        columns: Columns it must have.

    Raises:
        ValueError: It is not such a file; the message says why.
        OSError: It cannot be read.
    """
    text = path.read_bytes().decode("utf-8")
    if not text:
        raise ValueError("it is empty")
    if "\0" in text:
        raise ValueError("it holds NUL bytes")
    if "\r\n" in text and not text.endswith("\n"):  # as Python's csv writes its lines, but the last
        raise ValueError("it ends in the middle of a line")
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    rows = []
    try:
        missing = [name for name in columns if name not in (reader.fieldnames or [])]
        if missing:
            raise ValueError(f"it has no column {', '.join(missing)}")
        for row in reader:
            if None in row or None in row.values():
                raise ValueError(f"line {reader.line_num} has not one cell a column")
            rows.append(row)
    except csv.Error as error:
        raise ValueError(f"line {reader.line_num}: {error}") from error
    return rows
