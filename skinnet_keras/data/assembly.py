"""From the readers' rows to one table: ids, labels, harmonised metadata."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields

import pandas as pd

from skinnet_keras.data.metadata import harmonise_age, harmonise_sex, harmonise_site
from skinnet_keras.data.sources import SourceRow, SourceTable
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import UNK, label_of

_HARMONISERS: dict[str, Callable[[str], str]] = {
    "age": harmonise_age,
    "sex": harmonise_sex,
    "site": harmonise_site,
}


def assemble(tables: Mapping[str, SourceTable], *, unknown: str | None = None) -> pd.DataFrame:
    """Join the sources' rows into one table.

    `akiec` of HAM10000 and ISIC-2018 (actinic keratosis or intraepithelial carcinoma) takes the
    label ISIC-2019 gives the same id, where that data set is among the sources.

    Args:
        tables: Source name -> what its reader returned.
        unknown: The label "UNK" for diagnoses the taxonomy does not have; None refuses them.

    Returns:
        Text columns `image_id`, `source`, `label`, and those of `SourceRow`, age, sex and site
        harmonised.

    Raises:
        UserError: The taxonomy lacks a diagnosis, a value of the metadata is not known, or an
            image is listed twice.
    """
    if unknown not in (None, UNK):
        raise UserError(f"Unknown diagnoses can be counted as {UNK} only, not as {unknown!r}.")
    rows = [(name, row) for name, table in tables.items() for row in table.rows]
    columns = [field.name for field in fields(SourceRow)]
    assembled = pd.DataFrame([vars(row) for _, row in rows], columns=columns, dtype=object)
    assembled.insert(0, "image_id", [f"{name}:{row.stem}" for name, row in rows])
    assembled.insert(1, "source", [name for name, _ in rows])
    repeated = assembled["image_id"].duplicated()
    if repeated.any():
        raise UserError(f"{assembled['image_id'][repeated].iloc[0]} is listed twice.")
    for column, harmonise in _HARMONISERS.items():
        assembled[column] = _harmonised(assembled, column, harmonise)
    assembled["label"] = _labels(tables, rows, unknown)
    return assembled


def _harmonised(assembled: pd.DataFrame, column: str, harmonise: Callable[[str], str]) -> pd.Series:
    meaning = {}
    for word in assembled[column].unique():
        try:
            meaning[word] = harmonise(word)
        except UserError as error:
            image_id = assembled.loc[assembled[column] == word, "image_id"].iloc[0]
            raise UserError(f"{image_id}: {error}") from error
    return assembled[column].map(meaning)


def _labels(
    tables: Mapping[str, SourceTable], rows: list[tuple[str, SourceRow]], unknown: str | None
) -> list[str]:
    isic2019 = tables["isic2019"].diagnoses if "isic2019" in tables else {}
    words = [
        ("isic2019", isic2019[row.stem])
        if row.diagnosis.casefold() == "akiec" and isic2019.get(row.stem)
        else (name, row.diagnosis)
        for name, row in rows
    ]
    labels: dict[tuple[str, str], str] = {}
    not_known: dict[str, list[str]] = {}
    for source, word in dict.fromkeys(words):
        try:
            labels[source, word] = label_of(word, source)
        except UserError:
            labels[source, word] = UNK
            not_known.setdefault(source, []).append(repr(word))
    if not_known and unknown is None:
        listed = "; ".join(f"{source}: {', '.join(own)}" for source, own in not_known.items())
        raise UserError(
            f"The taxonomy does not have these diagnoses ({listed}): correct them, or count such "
            f"images as {UNK} with --unknown {UNK}."
        )
    return [labels[word] for word in words]
