"""Reading a data set's tables, and finding the images they list."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict

import pandas as pd

from skinnet_keras.data.delimited import read_delimited, without_placeholder
from skinnet_keras.data.sources.files import ImageIndex, image_name
from skinnet_keras.errors import UserError


def read_csv(
    path: Path, columns: tuple[str, ...], *, optional: tuple[str, ...] = (), key: str = ""
) -> pd.DataFrame:
    """Read a table of text; `delimited.read_delimited` says which. Placeholders become "".

    Args:
        path: The file.
        columns: Columns it must have.
        optional: Columns it may have, whose names are found in other spellings, too.
        key: The column that names a row's image, without a suffix in what is returned.

    Returns:
        Text, one row a row of the file, whose line is its index.

    Raises:
        UserError: The file is no such table, has no row, lacks a column, or a key is missing or
            there twice.
    """
    header, rows = read_delimited(path, (*columns, *optional), needed=columns)
    missing = [column for column in columns if column not in header]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}: it has {', '.join(header)}.")
    if not rows:
        raise UserError(f"{path} has a header and no row: get the whole file.")
    # A row that is shorter than the header has no text in its last cells.
    table = pd.DataFrame(
        [[*map(without_placeholder, row), *[""] * (len(header) - len(row))] for _, row in rows],
        columns=header,
        index=pd.Index([line for line, _ in rows], name="line"),
        dtype=object,
    )
    if key:
        table[key] = table[key].map(image_name)
        lines: dict[str, int] = {}
        for line, name in table[key].items():
            if not name:
                raise UserError(f"{path}, line {line}: no {key}: name the image.")
            if (first := lines.setdefault(name.casefold(), line)) != line:
                raise UserError(
                    f"{path}, line {line}: {name} is in line {first} already: keep one of them."
                )
    return table


def join_by_image(table: pd.DataFrame, other: pd.DataFrame, key: str) -> pd.DataFrame:
    """Add the columns of another table to the rows of the same image, in any spelling.

    Rows without a partner get "".
    """
    folded = table[key].str.casefold()
    partners = other.drop(columns=key).set_index(other[key].str.casefold())
    added = partners.reindex(folded).fillna("").set_axis(table.index)
    return pd.concat([table, added], axis=1)


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


class Facts(TypedDict):
    """Fields of `SourceTable`."""

    without_image: int
    missing: list[str]
    diagnoses: dict[str, str]


@dataclass(frozen=True)
class Matched:
    """The rows of a table and the images they name.

    Attributes:
        records: The rows whose image is there; it is named as its file is.
        names: The image's name of every row, likewise where it is there.
        without_image: The number of rows whose image is absent.
        missing: Sentences about rows without image and images without row.
    """

    records: list[dict[str, str]]
    names: list[str]
    without_image: int
    missing: list[str]

    def facts(self, diagnoses: Iterable[str]) -> Facts:
        """Return what a `SourceTable` tells beside its rows.

        Args:
            diagnoses: The data set's own word of every row of the table.
        """
        return {
            "without_image": self.without_image,
            "missing": self.missing,
            "diagnoses": dict(zip(self.names, diagnoses, strict=True)),
        }


def match_images(
    table: pd.DataFrame,
    key: str,
    images: ImageIndex,
    path: Path,
    *,
    need_no_row: Collection[str] = (),
) -> Matched:
    """Find the image of each row.

    Args:
        table: A table of `read_csv`.
        key: The column that names the image.
        images: The images that are there.
        path: The table's file, for the sentences.
        need_no_row: Stems of `images` of which nothing is said when no row names them.
    """
    spelling = [images.spelling_of(name) for name in table[key]]
    names = [own or name for own, name in zip(spelling, table[key], strict=True)]
    rows = table.assign(**{key: names}).to_dict("records")
    records = [
        {str(column): value for column, value in row.items()}
        for own, row in zip(spelling, rows, strict=True)
        if own is not None
    ]
    absent = [name for own, name in zip(spelling, names, strict=True) if own is None]
    found = {*names, *need_no_row}
    unlisted = [own for stem, own in images.items() if stem not in found]
    return Matched(
        records,
        names,
        len(absent),
        missing_sentences(path, len(table), absent, unlisted, images.repeated),
    )


def missing_sentences(
    path: Path, rows: int, absent: list[str], unlisted: list[str], repeated: list[str]
) -> list[str]:
    """Say which rows of a table have no image, and which images no row.

    Args:
        path: The table's file.
        rows: Its rows.
        absent: What it calls the images that are not there.
        unlisted: The files of the images that it does not list.
        repeated: The files left out because an earlier one has their name.
    """
    sentences = []
    if absent:
        sentence = (
            f"{len(absent):,} of {rows:,} rows of {path.name} find no image, e.g. {absent[0]!r}"
        )
        if unlisted:
            sentence += f" (a file that no row finds: {unlisted[0]!r})"
        sentences.append(f"{sentence}.")
    if unlisted:
        sentences.append(
            f"{_images(len(unlisted))} in no row of {path.name} and left out, e.g. {unlisted[0]!r}."
        )
    if repeated:
        sentences.append(
            f"{_images(len(repeated))} left out, as another has the same name, "
            f"e.g. {repeated[0]!r}."
        )
    return sentences


def _images(count: int) -> str:
    return "1 image is" if count == 1 else f"{count:,} images are"
