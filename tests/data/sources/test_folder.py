"""Anybody's folder: which CSV is read, and one sentence with the line for every mistake."""

from __future__ import annotations

import pytest

from layouts import write_csv, write_folder
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.folder import read
from skinnet_keras.errors import UserError


def test_rows(tmp_path):
    table = read(write_folder(tmp_path))
    assert [row.stem for row in table.rows] == ["clinic_07", "clinic_08", "studio_07"]
    assert table.rows[0] == SourceRow(
        stem="clinic_07",
        path="clinic/07.jpg",
        mask_path="masks/07.png",
        diagnosis="MEL",
        lesion_id="a",
        patient_id="p1",
        age="61",
        sex="female",
        site="back",
        skin_type="2",
        official_split="test",
    )
    assert table.rows[2] == SourceRow(
        stem="studio_07", path="studio/07.jpg", lesion_id="c", patient_id="p2"
    )
    assert table.without_image == 1
    assert table.diagnoses["studio_09"] == "BCC"


@pytest.mark.parametrize("name", ["metadata.csv", "anything.csv"])
def test_other_names_of_the_csv(tmp_path, name):
    expected = read(write_folder(tmp_path / "a"))
    assert read(write_folder(tmp_path / "b", name=name)).rows == expected.rows
    write_folder(tmp_path / "c" / "deeper", name=name)
    deeper = read(tmp_path / "c")
    assert [row.path for row in deeper.rows] == [f"deeper/{row.path}" for row in expected.rows]
    assert deeper.rows[0].mask_path == "deeper/masks/07.png"


def test_several_csv_files(tmp_path):
    write_folder(tmp_path, name="a.csv")
    write_folder(tmp_path, name="b.csv")
    with pytest.raises(UserError, match=r"2 CSV files, a\.csv and b\.csv among them.*labels\.csv"):
        read(tmp_path)
    write_folder(tmp_path, name="labels.csv")
    assert len(read(tmp_path).rows) == 3


def test_diagnosis_in_place_of_label(tmp_path):
    write_folder(tmp_path)
    write_csv(tmp_path / "labels.csv", "path,diagnosis", ["clinic/07.jpg,reed or spitz nevus"])
    assert read(tmp_path).diagnoses == {"clinic_07": "reed or spitz nevus"}
    write_csv(tmp_path / "labels.csv", "path,class", ["clinic/07.jpg,MEL"])
    with pytest.raises(UserError, match="no column label or diagnosis"):
        read(tmp_path)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("../outside.jpg,,MEL,,", r"line 3: the path '\.\./outside\.jpg' leaves the folder"),
        ("/etc/outside.jpg,,MEL,,", "line 3: the path '/etc/outside.jpg' leaves the folder"),
        ("C:/outside.jpg,,MEL,,", "line 3: the path 'C:/outside.jpg' leaves the folder"),
        (r"clinic\08.png,,MEL,,", "line 3: the path .* has a backslash"),
        ("clinic/08.png,../mask.png,MEL,,", r"line 3: the path '\.\./mask\.png' leaves"),
        (",,MEL,,", "line 3 has no path"),
        ("clinic/07.png,,MEL,,", "line 3: clinic/07.png gets the same name as line 2, clinic_07"),
        ("clinic/08.png,,MEL,validation,", "line 3: the split 'validation' is none of train"),
        ("clinic/08.png,,MEL,,7", "line 3: the skin type '7' is none of 1 to 6"),
    ],
)
def test_mistakes_name_the_line(tmp_path, row, words):
    write_folder(tmp_path)
    rows = ["clinic/07.jpg,,MEL,,", row]
    write_csv(tmp_path / "labels.csv", "path,mask_path,label,split,skin_type", rows)
    with pytest.raises(UserError, match=words):
        read(tmp_path)
