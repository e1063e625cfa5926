"""derm7pt: two sources of one case list, names that differ in case, shared photographs."""

from __future__ import annotations

import pytest

from layouts import write_csv, write_derm7pt
from skinnet_keras.data.sources import SOURCES, SourceRow
from skinnet_keras.errors import UserError


def read(root, name="derm7pt"):
    return SOURCES[name].read(root)


def test_dermoscopic_images(tmp_path):
    table = read(write_derm7pt(tmp_path))
    assert [row.stem for row in table.rows] == [
        "nel_nel027",
        "fcl_fcl002",
        "nml_nml101",
        "nml_nml102",
    ]
    assert table.rows[0] == SourceRow(
        stem="nel_nel027",
        path="release_v0/images/NEL/nel027.JPG",
        diagnosis="basal cell carcinoma",
        lesion_id="1",
        sex="female",
        site="head neck",
        official_split="train",
    )
    assert [row.official_split for row in table.rows] == ["train", "val", "train", "test"]
    assert table.without_image == 1
    assert table.diagnoses["nml_nml004"] == "melanoma (less than 0.76 mm)"


def test_clinical_photographs(tmp_path):
    table = read(write_derm7pt(tmp_path), "derm7pt_clinical")
    rows = {row.stem: row for row in table.rows}
    assert list(rows) == ["nel_nel026", "fcl_fcl001", "nml_nml003", "nml_nml100"]
    assert rows["nml_nml003"].official_split == "test"
    # Of a clark nevus for training and a blue nevus for testing.
    assert rows["nml_nml100"] == SourceRow(
        stem="nml_nml100",
        path="release_v0/images/NML/Nml100.jpg",
        diagnosis="",
        lesion_id=rows["nml_nml100"].lesion_id,
        sex="female",
        site="",
        official_split="test",
    )


def test_both_images_of_a_case_share_its_lesion_id(tmp_path):
    write_derm7pt(tmp_path)
    derm = {row.stem: row.lesion_id for row in read(tmp_path).rows}
    clinical = {row.stem: row.lesion_id for row in read(tmp_path, "derm7pt_clinical").rows}
    assert derm["nel_nel027"] == clinical["nel_nel026"] == "1"
    assert derm["nml_nml101"] == derm["nml_nml102"] == clinical["nml_nml100"] == "4"
    assert len({*derm.values(), *clinical.values()}) == 4


def test_an_index_outside_the_table_is_named(tmp_path):
    write_derm7pt(tmp_path)
    write_csv(tmp_path / "release_v0" / "meta" / "test_indexes.csv", "indexes", ["5"])
    with pytest.raises(UserError, match=r"test_indexes\.csv has the index '5'.*rows 0 to 4"):
        read(tmp_path)


def test_a_photograph_that_is_the_dermoscopic_image_is_left_out_of_the_clinical_ones(tmp_path):
    [meta] = write_derm7pt(tmp_path).rglob("meta.csv")
    # Case 2 repeats its dermoscopic path, spelt otherwise; case 3 names that of case 5.
    text = meta.read_text().replace("Fcl/Fcl001.jpg", "FCL/fcl002.JPG")
    meta.write_text(text.replace("NML/Nml003.jpg", "NML/Nml102.jpg"))
    before, table = read(tmp_path), read(tmp_path, "derm7pt_clinical")
    assert [row.stem for row in table.rows] == ["nel_nel026", "nml_nml100"]
    assert set(table.diagnoses) == {"nel_nel026", "nml_nml100"}
    assert table.notes == [
        "derm7pt_clinical: 2 images are left out, as meta.csv names them as the dermoscopic image, "
        "too, e.g. 'fcl/fcl002'."
    ]
    assert "fcl_fcl002" in {row.stem for row in before.rows}
    assert before.notes == []
