"""PH2: the sheet, the text with its legend, and masks of two kinds of BMP."""

from __future__ import annotations

import zipfile

import numpy as np
import pytest
from openpyxl import load_workbook
from PIL import Image

from layouts import HEIGHT, WIDTH, write_ph2
from layouts.pictures import lesion
from skinnet_keras.data.image_io import read_mask
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.ph2 import read
from skinnet_keras.errors import UserError

DIAGNOSES = {
    "IMD002": "atypical nevus",
    "IMD003": "common nevus",
    "IMD417": "melanoma",
    "IMD437": "melanoma",
}


@pytest.mark.parametrize("tables", [{"text": False}, {"sheet": False}, {}])
def test_rows(tmp_path, tables):
    table = read(write_ph2(tmp_path, **tables))
    assert table.diagnoses == DIAGNOSES
    assert table.without_image == 1
    assert [row.stem for row in table.rows] == ["IMD002", "IMD003", "IMD417"]
    folder = "PH2Dataset/PH2 Dataset images/IMD003"
    assert table.rows[1] == SourceRow(
        stem="IMD003",
        path=f"{folder}/IMD003_Dermoscopic_Image/IMD003.bmp",
        mask_path=f"{folder}/IMD003_lesion/IMD003_lesion.bmp",
        diagnosis="common nevus",
    )


def test_one_bit_and_rgb_masks(tmp_path):
    rows = read(write_ph2(tmp_path)).rows
    modes = []
    for row in rows:
        with Image.open(tmp_path / row.mask_path) as image:
            modes.append(image.mode)
        mask = read_mask(tmp_path / row.mask_path)
        assert mask.shape == (HEIGHT, WIDTH)
        np.testing.assert_array_equal(mask, lesion() // 255)
    assert modes == ["RGB", "1", "1"]


def test_the_sheet_is_preferred(tmp_path):
    write_ph2(tmp_path)
    text = tmp_path / "PH2Dataset" / "PH2_dataset.txt"
    text.write_text("nothing")
    assert read(tmp_path).diagnoses == DIAGNOSES


def edit_sheet(root, edit):
    path = root / "PH2Dataset" / "PH2_dataset.xlsx"
    book = load_workbook(path)
    edit(book.active)
    book.save(path)


def test_a_row_without_diagnosis_is_named(tmp_path):
    write_ph2(tmp_path)
    # Row 13 holds the headings; IMD002's X is in the column of atypical naevi.
    edit_sheet(tmp_path, lambda sheet: sheet.cell(14, 4, " "))
    with pytest.raises(UserError, match=r"PH2_dataset\.xlsx: IMD002 does not have one clinical"):
        read(tmp_path)


def test_a_sheet_with_other_headings(tmp_path):
    write_ph2(tmp_path)
    edit_sheet(tmp_path, lambda sheet: sheet.cell(13, 5, "other"))
    with pytest.raises(UserError, match="has no column melanoma"):
        read(tmp_path)
    edit_sheet(tmp_path, lambda sheet: sheet.delete_rows(13))
    with pytest.raises(UserError, match="no heading Image Name"):
        read(tmp_path)


def test_damaged_tables(tmp_path):
    write_ph2(tmp_path)
    sheet = tmp_path / "PH2Dataset" / "PH2_dataset.xlsx"
    sheet.write_bytes(b"no archive")
    with pytest.raises(UserError, match="cannot be read as an Excel sheet"):
        read(tmp_path)
    sheet.unlink()
    (tmp_path / "PH2Dataset" / "PH2_dataset.txt").write_text("|| Name ||\nLegend")
    with pytest.raises(UserError, match=r"PH2_dataset\.txt lists no image"):
        read(tmp_path)


def test_an_image_with_two_rows_is_refused(tmp_path):
    [path] = write_ph2(tmp_path, sheet=False).rglob("PH2_dataset.txt")
    header, first, *rest = path.read_text().splitlines()
    path.write_text("\n".join([header, first, *rest, first]))
    with pytest.raises(UserError, match=r"PH2_dataset\.txt lists IMD002 twice"):
        read(tmp_path)


@pytest.mark.parametrize("place", [0.2, 0.5, 0.9])
def test_a_damaged_sheet_is_one_sentence(tmp_path, place):
    write_ph2(tmp_path, text=False)
    path = tmp_path / "PH2Dataset" / "PH2_dataset.xlsx"
    content = path.read_bytes()
    start = int(place * len(content))
    path.write_bytes(content[:start] + bytes(40) + content[start + 40 :])
    with pytest.raises(UserError, match="cannot be read as an Excel sheet"):
        read(tmp_path)


def test_a_sheet_that_unpacks_to_much_is_not_unpacked(tmp_path):
    write_ph2(tmp_path, text=False)
    path = tmp_path / "PH2Dataset" / "PH2_dataset.xlsx"
    with zipfile.ZipFile(path, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/picture.bin", bytes(70 * 2**20))
    assert path.stat().st_size < 200_000
    with pytest.raises(UserError, match="unpacks to 7"):
        read(tmp_path)
