"""Reading a data set's tables."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from skinnet_keras.data.metadata import MISSING
from skinnet_keras.errors import UserError


def read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV (tab-separated if it ends in `.tab`) as text; missing and `unknown` become "".

    Args:
        path: The file.
        columns: Columns it must have.

    Raises:
        UserError: The file is no CSV, or a column is missing.
    """
    separator = "\t" if path.suffix == ".tab" else ","
    try:
        table = pd.read_csv(
            path, sep=separator, dtype=str, keep_default_na=False, encoding="utf-8-sig"
        )
    except ValueError as error:
        raise UserError(f"{path} cannot be read as a CSV file ({error}).") from error
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(missing)}: it has {', '.join(table.columns)}."
        )
    # A row that is shorter than the header has no text in its last cells.
    table = table.fillna("").apply(lambda column: column.str.strip())
    return table.replace(dict.fromkeys(MISSING, ""))


def one_hot(table: pd.DataFrame, columns: tuple[str, ...], key: str, path: Path) -> pd.Series:
    """Turn 0/1 columns of text ("0.0", "1.0") into the name of the column that is 1.

    Args:
        table: A table of `read_csv`.
        columns: The one-hot columns.
        key: Column that names a row in errors.
        path: The table's file, for errors.

    Returns:
        One column name a row, or "" where all are 0.

    Raises:
        UserError: A cell is neither 0 nor 1, or a row has more than one 1.
    """
    values = table[list(columns)].apply(pd.to_numeric, errors="coerce")
    bad = ~values.isin((0, 1)).all(axis=1) | (values.sum(axis=1) > 1)
    if bad.any():
        raise UserError(
            f"{path}: the row of {table.loc[bad, key].iloc[0]} is not one-hot in the columns "
            f"{', '.join(columns)}."
        )
    return values.idxmax(axis=1).where(values.sum(axis=1) == 1, "")


def with_image(
    table: pd.DataFrame, key: str, images: dict[str, str]
) -> tuple[list[dict[str, str]], int]:
    """Return the rows whose image is there, and the number of those whose image is absent."""
    there = table[key].isin(images.keys())
    records = [
        {str(name): value for name, value in row.items()} for row in table[there].to_dict("records")
    ]
    return records, int((~there).sum())


def words_of(table: pd.DataFrame, key: str, diagnosis: str) -> dict[str, str]:
    """Return key -> diagnosis of every row, for `SourceTable.diagnoses`."""
    return dict(zip(table[key], table[diagnosis], strict=True))
