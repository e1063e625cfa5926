"""ISIC-2019: `_downsampled` names, missing metadata, and the test set with and without labels."""

from __future__ import annotations

import shutil

from layouts import ISIC2019_DIAGNOSES, write_isic2019
from layouts.isic2019 import write_isic2019_test
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.isic2019 import read


def test_rows(tmp_path):
    table = read(write_isic2019(tmp_path))
    found = {row.stem: row.diagnosis for row in table.rows}
    assert found == {k: v for k, v in ISIC2019_DIAGNOSES.items() if k != "ISIC_0024308"}
    assert table.without_image == 1
    assert table.diagnoses == ISIC2019_DIAGNOSES
    assert table.rows[1].lesion_id == "HAM_0000001"
    assert (table.rows[2].age, table.rows[2].site) == ("", "")
    assert {row.official_split for row in table.rows} == {""}


def test_test_set(tmp_path):
    table = read(write_isic2019_test(write_isic2019(tmp_path)))
    assert len(table.rows) == 5
    assert table.rows[4] == SourceRow(
        stem="ISIC_0034322",
        path="ISIC_2019_Test_Input/ISIC_0034322.jpg",
        diagnosis="BCC",
        age="70",
        sex="male",
        site="anterior torso",
        official_split="test",
    )
    assert table.rows[3].diagnosis == "UNK"


def test_test_set_without_labels_is_unlabelled(tmp_path):
    table = read(write_isic2019_test(tmp_path, labels=False))
    assert [row.diagnosis for row in table.rows] == ["", ""]
    assert table.diagnoses == {"ISIC_0034321": "", "ISIC_0034322": ""}


def test_part_without_images_is_counted(tmp_path):
    table = read(write_isic2019_test(write_isic2019(tmp_path), images=False))
    assert (len(table.rows), table.without_image) == (3, 1 + 2)
    shutil.rmtree(tmp_path / "ISIC_2019_Training_Input")
    (tmp_path / "ISIC_2019_Test_Input").mkdir()
    assert (read(tmp_path).rows, read(tmp_path).without_image) == ([], 6)
