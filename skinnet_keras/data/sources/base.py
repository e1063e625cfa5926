"""What every reader returns, and the few steps all readers share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from skinnet_keras.data.metadata import MISSING
from skinnet_keras.errors import UserError

_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


@dataclass(frozen=True)
class SourceRow:
    """One image of a data set; "" stands for a missing value.

    Attributes:
        stem: The image's name in its data set, without suffix.
        path: Image file, POSIX path relative to the source's root.
        mask_path: Ground-truth lesion mask, likewise.
        diagnosis: The data set's own word.
        lesion_id: Lesion, in the provider's namespace.
        patient_id: Patient, in the provider's namespace.
        age: Years.
        sex: The data set's own word.
        site: The data set's own word for the anatomical site.
        official_split: "train", "val" or "test" where the data set fixes it.
    """

    stem: str
    path: str
    mask_path: str = ""
    diagnosis: str = ""
    lesion_id: str = ""
    patient_id: str = ""
    age: str = ""
    sex: str = ""
    site: str = ""
    official_split: str = ""


@dataclass(frozen=True)
class SourceTable:
    """What a reader found.

    Attributes:
        name: The source's name.
        rows: The rows whose image is there.
        without_image: Number of listed rows whose image is absent.
        notes: Sentences for the user.
        diagnoses: Stem -> diagnosis of every listed image, also of absent ones, where other data
            sets profit from it.
    """

    name: str
    rows: list[SourceRow]
    without_image: int = 0
    notes: list[str] = field(default_factory=list)
    diagnoses: Mapping[str, str] = field(default_factory=dict)


def find_file(root: Path, *names: str) -> Path:
    """Return the first file of `names` that lies in `root` or in a folder right inside it.

    Raises:
        UserError: There is none.
    """
    for name in names:
        found = [root / name, *sorted(root.glob(f"*/{name}"))]
        for path in found:
            if path.is_file():
                return path
    raise UserError(
        f"{root} has no file {' or '.join(names)}: give the folder the data set was unpacked to."
    )


def has_folder(root: Path, name: str) -> bool:
    """Tell whether a folder matches the glob `name`, in `root` or in a folder right inside it."""
    return bool(_folders(root, name))


def _folders(root: Path, name: str) -> list[Path]:
    return [path for path in (*root.glob(name), *root.glob(f"*/{name}")) if path.is_dir()]


def find_images(root: Path, *folders: str) -> dict[str, str]:
    """Index the images in the folders that match, in `root` or in a folder right inside it.

    Args:
        root: The source's root.
        folders: Globs of folder names.

    Returns:
        Stem -> POSIX path relative to `root`. Superpixel maps (`*_superpixels.png` of the
        ISIC-2017 archives) are left out.

    Raises:
        UserError: No folder matches.
    """
    found = [path for name in folders for path in _folders(root, name)]
    if not found:
        raise UserError(
            f"{root} has no folder {' or '.join(folders)}: give the folder the data set was "
            "unpacked to."
        )
    index: dict[str, str] = {}
    for folder in sorted(found):
        for path in sorted(folder.rglob("*")):
            known = path.suffix.lower() in _IMAGE_SUFFIXES
            if known and not path.stem.endswith("_superpixels"):
                index.setdefault(path.stem, path.relative_to(root).as_posix())
    return index


def read_csv(path: Path, columns: tuple[str, ...]) -> pd.DataFrame:
    """Read a CSV as text; missing values and `unknown` become "".

    Args:
        path: The file.
        columns: Columns it must have.

    Raises:
        UserError: The file is no CSV, or a column is missing.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except ValueError as error:
        raise UserError(f"{path} cannot be read as a CSV file ({error}).") from error
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise UserError(
            f"{path} has no column {', '.join(missing)}: it has {', '.join(table.columns)}."
        )
    return table.apply(lambda column: column.str.strip()).replace(dict.fromkeys(MISSING, ""))


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
