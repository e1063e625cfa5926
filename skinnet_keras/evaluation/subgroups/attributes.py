"""The attributes that divide images into subgroups, from the columns of a catalogue."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.metadata import SEXES, SITES
from skinnet_keras.errors import UserError

NOT_RECORDED = "not recorded"
FILE_NOT_READ = "file not read"

AGE_BANDS = (0, 30, 40, 50, 60, 70)
"""Years at which the bands begin; the last one is open."""

SIZE_BANDS = (256, 512, 1024, 2048)
"""Upper ends of the bands of the original image's longer side in pixels; an open one follows."""


@dataclass(frozen=True)
class Attribute:
    """One way to divide images.

    Attributes:
        name: One of `ATTRIBUTES`.
        subgroups: Names of the S subgroups that hold an image, in the order of tables.
        codes: int64 (N,), the subgroup of each image.
    """

    name: str
    subgroups: tuple[str, ...]
    codes: np.ndarray


@dataclass(frozen=True)
class ImageRows:
    """What is known about the images of a predictions file.

    Attributes:
        table: N rows of a catalogue, in the order of the predictions; text, "" = missing.
        sizes: Image id -> (width, height) in pixels; images left out could not be read. None:
            nobody looked.
        mask_origins: Image id -> where the mask came from that the model saw; None: not known,
            the catalogue's own masks are told apart instead.
    """

    table: pd.DataFrame
    sizes: Mapping[str, tuple[int, int]] | None = None
    mask_origins: Mapping[str, str] | None = None


def join_rows(image_ids: Sequence[str], catalogue: Catalogue, file: Path) -> pd.DataFrame:
    """Find the catalogue's rows of predicted images.

    Args:
        image_ids: N images.
        catalogue: Where they are looked up.
        file: The predictions, for the message.

    Returns:
        N rows in the order of `image_ids`.

    Raises:
        UserError: An image is not in the catalogue.
    """
    table = catalogue.table.set_index("image_id", drop=False)
    unknown = [image_id for image_id in image_ids if image_id not in table.index]
    if unknown:
        raise UserError(
            f"{file}: {len(unknown)} of {len(image_ids)} images are not in the catalogue "
            f"{catalogue.root}, the first is '{unknown[0]}': give the catalogue they are of with "
            "--data."
        )
    return table.loc[list(image_ids)].reset_index(drop=True)


def available_attributes(rows: ImageRows) -> tuple[str, ...]:
    """Names of the attributes that these rows can be divided by."""
    return tuple(name for name in ATTRIBUTES if _lacks(name, rows) is None)


def divide(name: str, rows: ImageRows) -> Attribute:
    """Divide images by an attribute.

    Args:
        name: One of `ATTRIBUTES`.
        rows: The images.

    Raises:
        UserError: The attribute is unknown, or these rows do not have it.
    """
    if name not in ATTRIBUTES:
        raise UserError(f"There is no attribute '{name}': choose from {', '.join(ATTRIBUTES)}.")
    lacking = _lacks(name, rows)
    if lacking:
        raise UserError(f"The images cannot be divided by {name}: {lacking}.")
    values, order = ATTRIBUTES[name](rows)
    found = set(values)
    subgroups = tuple(value for value in order if value in found)
    number = {value: code for code, value in enumerate(subgroups)}
    return Attribute(name, subgroups, np.array([number[value] for value in values], np.int64))


def _lacks(name: str, rows: ImageRows) -> str | None:
    """Why the rows have no such attribute, None where they have it."""
    if name == "skin_type" and name not in rows.table.columns:
        return "no source of the catalogue records the skin type"
    if name == "size" and rows.sizes is None:
        return "the sizes of the original images were not read"
    return None


_Divided = tuple[list[str], Sequence[str]]
"""The value of every image, and the order of the values."""


def _by_sex(rows: ImageRows) -> _Divided:
    return _recorded(rows.table["sex"]), (*SEXES, NOT_RECORDED)


def _by_age(rows: ImageRows) -> _Divided:
    names = [
        *(f"{low}-{high - 1}" for low, high in itertools.pairwise(AGE_BANDS)),
        f"{AGE_BANDS[-1]} and over",
    ]
    years = pd.to_numeric(rows.table["age"], errors="coerce").to_numpy(float)
    bands = np.searchsorted(AGE_BANDS, years, side="right") - 1
    values = [
        NOT_RECORDED if np.isnan(age) else names[band]
        for age, band in zip(years, bands, strict=True)
    ]
    return values, (*names, NOT_RECORDED)


def _by_site(rows: ImageRows) -> _Divided:
    return _recorded(rows.table["site"]), (*SITES, NOT_RECORDED)


def _by_source(rows: ImageRows) -> _Divided:
    values = rows.table["source"].tolist()
    return values, sorted(set(values))


def _by_size(rows: ImageRows) -> _Divided:
    names = [
        f"up to {SIZE_BANDS[0]} px",
        *(f"{low + 1}-{high} px" for low, high in itertools.pairwise(SIZE_BANDS)),
        f"over {SIZE_BANDS[-1]} px",
    ]
    sizes = [(rows.sizes or {}).get(image_id) for image_id in rows.table["image_id"]]
    values = [
        FILE_NOT_READ if size is None else names[int(np.searchsorted(SIZE_BANDS, max(size)))]
        for size in sizes
    ]
    return values, (*names, FILE_NOT_READ)


def _by_metadata(rows: ImageRows) -> _Divided:
    names = ("complete", "partly missing", "all missing")
    missing = (rows.table[["age", "sex", "site"]] == "").sum(axis=1)
    return [names[0 if n == 0 else 2 if n == 3 else 1] for n in missing], names


def _by_skin_type(rows: ImageRows) -> _Divided:
    values = [f"type {word}" if word else NOT_RECORDED for word in rows.table["skin_type"]]
    return values, (*sorted(set(values) - {NOT_RECORDED}), NOT_RECORDED)


def _by_mask(rows: ImageRows) -> _Divided:
    if rows.mask_origins is None:
        names = {"": "no reference mask", "ground_truth": "reference mask"}
        values = [names.get(word, word) for word in rows.table["mask_origin"]]
    else:
        values = [
            rows.mask_origins.get(image_id, NOT_RECORDED) for image_id in rows.table["image_id"]
        ]
    return values, (*sorted(set(values) - {NOT_RECORDED}), NOT_RECORDED)


def _recorded(column: pd.Series) -> list[str]:
    return [word or NOT_RECORDED for word in column]


ATTRIBUTES: dict[str, Callable[[ImageRows], _Divided]] = {
    "sex": _by_sex,
    "age": _by_age,
    "site": _by_site,
    "source": _by_source,
    "size": _by_size,
    "metadata": _by_metadata,
    "skin_type": _by_skin_type,
    "mask": _by_mask,
}
"""Name -> how images are divided. There is none by rare and common classes: their subgroups share
no class, so nothing could be compared; the recall of each class says it."""

HEADINGS = {
    "sex": "Sex",
    "age": "Age in years",
    "site": "Anatomical site",
    "source": "Source",
    "size": "Image size",
    "metadata": "Metadata",
    "skin_type": "Fitzpatrick skin type",
    "mask": "Mask",
}
