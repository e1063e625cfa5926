"""ISIC-2017: three parts, masks, and nevus inferred from two columns."""

from __future__ import annotations

import shutil

import pytest

from layouts import write_csv, write_isic2017
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.isic2017 import read
from skinnet_keras.errors import UserError


def test_rows(tmp_path):
    table = read(write_isic2017(tmp_path))
    words = ["melanoma", "seborrheic_keratosis", "nevus"]
    assert [row.diagnosis for row in table.rows] == words * 2
    assert [row.official_split for row in table.rows] == ["train"] * 3 + ["val"] * 3
    assert table.without_image == 2
    assert table.diagnoses["ISIC_0000003"] == "nevus"
    assert table.rows[1] == SourceRow(
        stem="ISIC_0000001",
        path="ISIC-2017_Training_Data/ISIC_0000001.jpg",
        mask_path="ISIC-2017_Training_Part1_GroundTruth/ISIC_0000001_segmentation.png",
        diagnosis="seborrheic_keratosis",
        age="",
        sex="male",
        official_split="train",
    )


def test_test_part(tmp_path):
    table = read(write_isic2017(tmp_path, parts=("Test_v2",)))
    assert {row.official_split for row in table.rows} == {"test"}


def test_part_without_images_is_counted(tmp_path):
    write_isic2017(tmp_path)
    shutil.rmtree(tmp_path / "ISIC-2017_Validation_Data")
    table = read(tmp_path)
    assert (len(table.rows), table.without_image, len(table.diagnoses)) == (3, 1 + 4, 8)


def test_without_masks_says_so(tmp_path):
    table = read(write_isic2017(tmp_path, masks=False, parts=("Training",)))
    assert {row.mask_path for row in table.rows} == {""}
    assert "no lesion masks for Training" in table.notes[0]


def test_labels_must_be_one_hot(tmp_path):
    write_isic2017(tmp_path, parts=("Training",))
    write_csv(
        tmp_path / "ISIC-2017_Training_Part3_GroundTruth.csv",
        "image_id,melanoma,seborrheic_keratosis",
        ["ISIC_0000000,1.0,1.0"],
    )
    with pytest.raises(UserError, match=r"Part3_GroundTruth\.csv: the row of ISIC_0000000"):
        read(tmp_path)


def test_archive_unpacked_into_a_folder_of_its_own_name(tmp_path):
    write_isic2017(tmp_path, parts=("Training",))
    data = tmp_path / "ISIC-2017_Training_Data"
    shutil.move(data, tmp_path / "moved")
    shutil.move(tmp_path / "moved", data / "ISIC-2017_Training_Data")
    assert len(read(tmp_path).rows) == 3


def test_the_metadata_are_optional_and_said_to_be_absent(tmp_path):
    whole = read(write_isic2017(tmp_path, parts=("Training",)))
    (tmp_path / "ISIC-2017_Training_Data_metadata.csv").unlink()
    table = read(tmp_path)
    assert [row.diagnosis for row in table.rows] == [row.diagnosis for row in whole.rows]
    assert {(row.age, row.sex) for row in table.rows} == {("", "")}
    assert table.notes == [
        "no ages and sexes for Training (ISIC-2017_Training_Data_metadata.csv is not there)."
    ]
    assert whole.notes == []
