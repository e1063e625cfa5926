"""PH2: 200 dermoscopic images of naevi and melanomas with lesion masks (Mendonca et al. 2013).

Layout: `PH2 Dataset images/IMD003/IMD003_Dermoscopic_Image/IMD003.bmp`, the mask
`.../IMD003_lesion/IMD003_lesion.bmp` (1-bit but for IMD002, which is RGB), colour regions
`IMD003_roi/` (skipped), and one table in two files: `PH2_dataset.xlsx`, which is preferred because
its layout is known, and `PH2_dataset.txt`. The diagnosis is the clinical one, "common nevus",
"atypical nevus" or "melanoma", which all images have; the histological one, present for some, is
not read. There are no age, sex and site. The layout is known from other people's readers and a
copy of the sheet; this reader has never seen the real archive.
"""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pandas as pd

from skinnet_keras.data.sources.base import SourceRow, SourceTable
from skinnet_keras.data.sources.files import find_file, find_images
from skinnet_keras.data.sources.tables import match_images
from skinnet_keras.errors import UserError

_SHEET, _TEXT = "PH2_dataset.xlsx", "PH2_dataset.txt"
_MAX_UNPACKED = 64 * 2**20
_PREFIX = "imd"  # of the images' names; other rows are remarks
_PICTURE = re.compile(rf"{_PREFIX}\d+", re.IGNORECASE)  # and no mask or region
# In the order of the text's codes 0, 1, 2; the sheet has a column for each.
_DIAGNOSES = ("common nevus", "atypical nevus", "melanoma")


def read(root: Path) -> SourceTable:
    """Read the data set.

    Raises:
        UserError: The folder or both tables are missing, a row has no diagnosis, or an image has
            two rows.
    """
    images = find_images(root, "PH2 Dataset images")
    path = find_file(root, _SHEET, _TEXT)
    cases = _read_sheet(path) if path.name == _SHEET else _read_text(path)
    if not cases:
        raise UserError(f"{path} lists no image: get the original file.")
    listed = pd.DataFrame(cases, columns=["stem", "diagnosis"])
    repeated = listed["stem"][listed["stem"].duplicated()]
    if len(repeated):
        raise UserError(f"{path} lists {repeated.iloc[0]} twice: keep one of its rows.")
    no_picture = [stem for stem in images if not _PICTURE.fullmatch(stem)]
    matched = match_images(listed, "stem", images, path, need_no_row=no_picture)
    rows = [
        SourceRow(
            stem=record["stem"],
            path=images[record["stem"]],
            mask_path=images.path_of(f"{record['stem']}_lesion"),
            diagnosis=record["diagnosis"],
        )
        for record in matched.records
    ]
    return SourceTable("ph2", rows, **matched.facts(listed["diagnosis"]))


def _read_sheet(path: Path) -> list[tuple[str, str]]:
    """Read the sheet: a legend, the row of headings, then an X in one of three columns."""
    from openpyxl import load_workbook

    try:
        with zipfile.ZipFile(path) as archive:
            size = sum(member.file_size for member in archive.infolist())
        if size > _MAX_UNPACKED:
            raise UserError(
                f"{path} unpacks to {size:,} bytes, more than the {_MAX_UNPACKED:,} that a sheet "
                "takes: get the original file."
            )
        book = load_workbook(path, read_only=True, data_only=True)
        cells = [[_text(cell) for cell in row] for row in book.worksheets[0].values]
        book.close()
    except UserError:
        raise
    except Exception as error:  # what openpyxl raises depends on where the damage is
        raise UserError(f"{path} cannot be read as an Excel sheet ({error}).") from error
    start = next((number for number, row in enumerate(cells) if "image name" in row), None)
    if start is None:
        raise UserError(f"{path} has no heading Image Name: get the original file.")
    missing = [word for word in _DIAGNOSES if word not in cells[start]]
    if missing:
        raise UserError(f"{path} has no column {', '.join(missing)}: get the original file.")
    # A row may end before the last column.
    rows = [dict(zip(cells[start], row, strict=False)) for row in cells[start + 1 :]]
    return [
        (
            row["image name"].upper(),
            _only([word for word in _DIAGNOSES if row.get(word) == "x"], row["image name"], path),
        )
        for row in rows
        if row.get("image name", "").startswith(_PREFIX)
    ]


def _read_text(path: Path) -> list[tuple[str, str]]:
    """Read rows like `|| IMD003 ||  ||  0 || ...`; a legend follows them."""
    fields_of_rows = [
        [field.strip() for field in line.split("||")]
        for line in path.read_text(encoding="latin-1").splitlines()
        if line.lstrip().startswith("||")
    ]
    return [
        (
            fields[1].upper(),
            _only(
                [word for code, word in enumerate(_DIAGNOSES) if fields[3:4] == [str(code)]],
                fields[1],
                path,
            ),
        )
        for fields in fields_of_rows
        if fields[1].casefold().startswith(_PREFIX)
    ]


def _only(words: list[str], name: str, path: Path) -> str:
    if len(words) != 1:
        raise UserError(
            f"{path}: {name.upper()} does not have one clinical diagnosis among "
            f"{', '.join(_DIAGNOSES)}: get the original file."
        )
    return words[0]


def _text(cell: object) -> str:
    return "" if cell is None else " ".join(str(cell).split()).casefold()
