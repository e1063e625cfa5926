"""ISIC-2018: masks of task 1 and diagnoses of task 3 meet in one row an image."""

from __future__ import annotations

import shutil

import pytest

from layouts import picture, save_image, write_csv
from layouts.isic2018 import write_isic2018, write_isic2018_task1, write_isic2018_task3
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.isic2018 import read
from skinnet_keras.taxonomy import label_of


def by_stem(table):
    return {row.stem: row for row in table.rows}


def test_an_image_of_both_tasks_is_one_row(tmp_path):
    table = read(write_isic2018(tmp_path))
    rows = by_stem(table)
    assert len(rows) == len(table.rows) == 7
    assert rows["ISIC_0024306"] == SourceRow(
        stem="ISIC_0024306",
        path="ISIC2018_Task1-2_Training_Input/ISIC_0024306.jpg",
        mask_path="ISIC2018_Task1_Training_GroundTruth/ISIC_0024306_segmentation.png",
        diagnosis="NV",
        lesion_id="HAM_0000001",
        official_split="train",
    )
    assert rows["ISIC_0000000"] == SourceRow(
        stem="ISIC_0000000",
        path="ISIC2018_Task1-2_Training_Input/ISIC_0000000.jpg",
        mask_path="ISIC2018_Task1_Training_GroundTruth/ISIC_0000000_segmentation.png",
        official_split="train",
    )
    assert rows["ISIC_0024308"] == SourceRow(
        stem="ISIC_0024308",
        path="ISIC2018_Task3_Training_Input/ISIC_0024308.jpg",
        diagnosis="AKIEC",
        lesion_id="HAM_0000002",
        official_split="train",
    )
    assert table.without_image == 1
    assert table.diagnoses == {
        "ISIC_0000000": "",
        "ISIC_0024306": "NV",
        "ISIC_0024307": "NV",
        "ISIC_0036064": "",
        "ISIC_0024308": "AKIEC",
        "ISIC_0024310": "DF",
        "ISIC_0034310": "BKL",
        "ISIC_0034524": "",
    }


def test_official_splits(tmp_path):
    splits = {
        stem: row.official_split for stem, row in by_stem(read(write_isic2018(tmp_path))).items()
    }
    # For validation in task 1, for training in task 3.
    assert splits["ISIC_0024307"] == "val"
    assert splits["ISIC_0036064"] == splits["ISIC_0034524"] == "test"
    assert splits["ISIC_0034310"] == "val"


def test_task1_only(tmp_path):
    table = read(write_isic2018_task1(tmp_path))
    assert [row.diagnosis for row in table.rows] == [""] * 4
    assert all(row.mask_path for row in table.rows)
    assert table.without_image == 0


def test_task3_only(tmp_path):
    table = read(write_isic2018_task3(tmp_path))
    words = ["NV", "NV", "AKIEC", "BKL", ""]
    assert [row.diagnosis for row in table.rows] == words
    assert {row.mask_path for row in table.rows} == {""}


def test_masks_of_task1_with_images_of_task3(tmp_path):
    write_isic2018(tmp_path)
    for folder in tmp_path.glob("ISIC2018_Task1-2_*_Input"):
        shutil.rmtree(folder)
    row = by_stem(read(tmp_path))["ISIC_0024306"]
    assert row.path == "ISIC2018_Task3_Training_Input/ISIC_0024306.jpg"
    assert row.mask_path.endswith("ISIC_0024306_segmentation.png")


def test_diagnoses_without_the_images_of_task3(tmp_path):
    write_isic2018(tmp_path)
    for folder in tmp_path.glob("ISIC2018_Task3_*_Input"):
        shutil.rmtree(folder)
    table = read(tmp_path)
    assert by_stem(table)["ISIC_0024306"].diagnosis == "NV"
    # ISIC_0024308 and ISIC_0024310 of training, ISIC_0034310 of validation.
    assert (len(table.rows), table.without_image) == (4, 3)


def test_lesion_groupings_are_optional(tmp_path):
    write_isic2018_task3(tmp_path)
    (tmp_path / "ISIC2018_Task3_Training_LesionGroupings.csv").unlink()
    assert {row.lesion_id for row in read(tmp_path).rows} == {""}


@pytest.mark.parametrize("suffix", ["csv", "tab"])
def test_the_test_set_of_ham10000s_repository(tmp_path, suffix):
    for stem in ("ISIC_0034524", "ISIC_0034525"):
        save_image(tmp_path / "ISIC2018_Task3_Test_Images" / f"{stem}.jpg", picture(501))
    truth = tmp_path / "ISIC2018_Task3_Test_GroundTruth.csv"
    write_csv(
        truth,
        "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset",
        [
            "HAM_0007466,ISIC_0034524,nv,follow_up,40.0,female,back,vidir_molemax",
            "HAM_0001234,ISIC_0034525,akiec,histo,,unknown,unknown,vidir_modern",
            "HAM_0001235,ISIC_0034526,mel,histo,50.0,male,face,vidir_modern",
        ],
    )
    if suffix == "tab":
        truth.with_suffix(".tab").write_text(truth.read_text().replace(",", "\t"))
        truth.unlink()
    table = read(tmp_path)
    assert table.rows == [
        SourceRow(
            "ISIC_0034524",
            "ISIC2018_Task3_Test_Images/ISIC_0034524.jpg",
            diagnosis="nv",
            lesion_id="HAM_0007466",
            age="40.0",
            sex="female",
            site="back",
            official_split="test",
        ),
        SourceRow(
            "ISIC_0034525",
            "ISIC2018_Task3_Test_Images/ISIC_0034525.jpg",
            diagnosis="akiec",
            lesion_id="HAM_0001234",
            official_split="test",
        ),
    ]
    assert table.without_image == 1
    assert [label_of(row.diagnosis, "isic2018") for row in table.rows] == ["NV", "AK"]


def test_only_image_and_diagnosis_are_needed_of_that_truth(tmp_path):
    save_image(tmp_path / "ISIC2018_Task3_Test_Images" / "ISIC_0034524.jpg", picture(501))
    truth = tmp_path / "ISIC2018_Task3_Test_GroundTruth.csv"
    write_csv(truth, "image_id,dx", ["ISIC_0034524,bkl"])
    [row] = read(tmp_path).rows
    assert (row.diagnosis, row.lesion_id, row.official_split) == ("bkl", "", "test")
