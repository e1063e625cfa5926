"""Every reader reads its true layout and says in one sentence what is missing."""

from __future__ import annotations

import shutil
from collections import Counter

import pytest

from layouts import (
    ISIC2019_DIAGNOSES,
    picture,
    save_image,
    write_csv,
    write_ham10000,
    write_isic2017,
    write_isic2019,
    write_isic2020,
)
from skinnet_keras.data.sources import SOURCES, SourceRow, source_named
from skinnet_keras.errors import UserError

WRITERS = {
    "isic2017": write_isic2017,
    "ham10000": write_ham10000,
    "isic2019": write_isic2019,
    "isic2020": write_isic2020,
}


def read(name, root):
    return SOURCES[name].read(root)


def test_isic2017(tmp_path):
    table = read("isic2017", write_isic2017(tmp_path))
    assert [row.diagnosis for row in table.rows] == [
        "melanoma",
        "seborrheic_keratosis",
        "nevus",
    ] * 2
    assert [row.official_split for row in table.rows] == ["train"] * 3 + ["val"] * 3
    assert table.without_image == 2
    assert table.rows[1] == SourceRow(
        stem="ISIC_0000001",
        path="ISIC-2017_Training_Data/ISIC_0000001.jpg",
        mask_path="ISIC-2017_Training_Part1_GroundTruth/ISIC_0000001_segmentation.png",
        diagnosis="seborrheic_keratosis",
        age="",
        sex="male",
        official_split="train",
    )


def test_isic2017_test_part(tmp_path):
    table = read("isic2017", write_isic2017(tmp_path, parts=("Test_v2",)))
    assert {row.official_split for row in table.rows} == {"test"}


def test_isic2017_without_masks_says_so(tmp_path):
    table = read("isic2017", write_isic2017(tmp_path, masks=False, parts=("Training",)))
    assert {row.mask_path for row in table.rows} == {""}
    assert "no lesion masks for Training" in table.notes[0]


def test_isic2017_labels_must_be_one_hot(tmp_path):
    write_isic2017(tmp_path, parts=("Training",))
    write_csv(
        tmp_path / "ISIC-2017_Training_Part3_GroundTruth.csv",
        "image_id,melanoma,seborrheic_keratosis",
        ["ISIC_0000000,1.0,1.0"],
    )
    with pytest.raises(UserError, match=r"Part3_GroundTruth\.csv: the row of ISIC_0000000"):
        read("isic2017", tmp_path)


def test_ham10000(tmp_path):
    table = read("ham10000", write_ham10000(tmp_path, masks=True))
    assert [row.stem for row in table.rows] == [f"ISIC_002430{n}" for n in (6, 7, 8, 9)]
    assert table.without_image == 1
    assert table.rows[2] == SourceRow(
        stem="ISIC_0024308",
        path="HAM10000_images_part_2/ISIC_0024308.jpg",
        mask_path="HAM10000_segmentations_lesion_tschandl/ISIC_0024308_segmentation.png",
        diagnosis="akiec",
        lesion_id="HAM_0000002",
        age="70.0",
        sex="female",
        site="face",
    )
    assert (table.rows[3].age, table.rows[3].sex, table.rows[3].site) == ("", "", "")


def test_ham10000_metadata_without_suffix(tmp_path):
    write_ham10000(tmp_path)
    (tmp_path / "HAM10000_metadata.csv").rename(tmp_path / "HAM10000_metadata")
    assert len(read("ham10000", tmp_path).rows) == 4


def test_isic2019(tmp_path):
    table = read("isic2019", write_isic2019(tmp_path))
    found = {row.stem: row.diagnosis for row in table.rows}
    assert found == {k: v for k, v in ISIC2019_DIAGNOSES.items() if k != "ISIC_0024308"}
    assert table.without_image == 1
    assert table.diagnoses == ISIC2019_DIAGNOSES
    assert table.rows[1].lesion_id == "HAM_0000001"
    assert (table.rows[2].age, table.rows[2].site) == ("", "")


def test_isic2020(tmp_path):
    table = read("isic2020", write_isic2020(tmp_path))
    assert [row.diagnosis for row in table.rows] == ["", "melanoma", "lentigo NOS"]
    assert [row.patient_id for row in table.rows] == ["IP_1", "IP_1", "IP_2"]
    assert table.without_image == 1


def test_isic2020_challenge_names_and_lesions(tmp_path):
    save_image(tmp_path / "ISIC_2020_Training_Input" / "ISIC_1000001.jpg", picture(1))
    write_csv(
        tmp_path / "ISIC_2020_Training_GroundTruth_v2.csv",
        "image_name,patient_id,lesion_id,sex,age_approx,anatom_site_general_challenge,diagnosis",
        ["ISIC_1000001,IP_1,IL_1,male,45,torso,nevus"],
    )
    assert read("isic2020", tmp_path).rows[0].lesion_id == "IL_1"


@pytest.mark.parametrize("name", WRITERS)
def test_found_one_folder_deeper(tmp_path, name):
    direct = read(name, WRITERS[name](tmp_path / "direct"))
    WRITERS[name](tmp_path / "outer" / "inner")
    deeper = read(name, tmp_path / "outer")
    assert [row.path for row in deeper.rows] == [f"inner/{row.path}" for row in direct.rows]
    assert all((tmp_path / "outer" / row.path).is_file() for row in deeper.rows)


@pytest.mark.parametrize("name", WRITERS)
def test_missing_folder(tmp_path, name):
    with pytest.raises(UserError, match="nowhere is not a folder"):
        read(name, tmp_path / "nowhere")
    with pytest.raises(UserError, match="has no folder"):
        read(name, tmp_path)


@pytest.mark.parametrize("name", WRITERS)
def test_missing_csv(tmp_path, name):
    WRITERS[name](tmp_path)
    for path in tmp_path.glob("*.csv"):
        path.unlink()
    with pytest.raises(UserError, match=r"has no file .*\.csv"):
        read(name, tmp_path)


@pytest.mark.parametrize(
    ("name", "file", "column"),
    [
        ("isic2017", "ISIC-2017_Training_Part3_GroundTruth.csv", "melanoma"),
        ("isic2017", "ISIC-2017_Training_Data_metadata.csv", "age_approximate"),
        ("ham10000", "HAM10000_metadata.csv", "dx"),
        ("isic2019", "ISIC_2019_Training_GroundTruth.csv", "SCC"),
        ("isic2019", "ISIC_2019_Training_Metadata.csv", "lesion_id"),
        ("isic2020", "train.csv", "patient_id"),
    ],
)
def test_missing_column_is_named(tmp_path, name, file, column):
    WRITERS[name](tmp_path)
    path = tmp_path / file
    header, rest = path.read_text().split("\n", 1)
    path.write_text(header.replace(column, "other") + "\n" + rest)
    with pytest.raises(UserError, match=f"{file} has no column {column}"):
        read(name, tmp_path)


def test_empty_csv(tmp_path):
    write_ham10000(tmp_path)
    (tmp_path / "HAM10000_metadata.csv").write_text("")
    with pytest.raises(UserError, match=r"HAM10000_metadata\.csv cannot be read"):
        read("ham10000", tmp_path)


def test_unknown_source_lists_the_known():
    with pytest.raises(UserError, match="isic2019, ham10000"):
        source_named("isic2016")


def test_real_layouts(real_data):
    rows = {name: SOURCES[name].read(real_data / name).rows for name in WRITERS}
    assert {name: len(own) for name, own in rows.items()} == {
        "isic2017": 2061,
        "ham10000": 4926,
        "isic2019": 1539,
        "isic2020": 634,
    }
    assert all(row.mask_path for row in rows["isic2017"])


def test_official_class_totals(real_data):
    ham = SOURCES["ham10000"].read(real_data / "ham10000")
    isic = SOURCES["isic2019"].read(real_data / "isic2019")
    assert len(ham.rows) + ham.without_image == 10015
    assert len(isic.diagnoses) == 25331
    assert sum(stem.endswith("_downsampled") for stem in isic.diagnoses) == 2074
    assert Counter(isic.diagnoses.values()) == {
        "MEL": 4522,
        "NV": 12875,
        "BCC": 3323,
        "AK": 867,
        "BKL": 2624,
        "DF": 239,
        "VASC": 253,
        "SCC": 628,
    }


def test_archive_unpacked_into_a_folder_of_its_own_name(tmp_path):
    write_isic2017(tmp_path, parts=("Training",))
    data = tmp_path / "ISIC-2017_Training_Data"
    shutil.move(data, tmp_path / "moved")
    shutil.move(tmp_path / "moved", data / "ISIC-2017_Training_Data")
    assert len(read("isic2017", tmp_path).rows) == 3
