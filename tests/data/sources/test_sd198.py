"""SD-198: class folders below `images` or anywhere, names unique over the classes."""

from __future__ import annotations

import pytest

from layouts import picture, save_image, write_sd198
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.sd198 import read


def test_rows(tmp_path):
    rows = read(write_sd198(tmp_path)).rows
    assert len(rows) == 4
    assert rows[0] == SourceRow(
        stem="Actinic_solar_Damage(Actinic_Keratosis)_000001",
        path="images/Actinic_solar_Damage(Actinic_Keratosis)/000001.jpg",
        diagnosis="Actinic_solar_Damage(Actinic_Keratosis)",
    )
    assert [row.stem for row in rows[1:]] == [
        "Becker's_Nevus_000001",
        "Becker's_Nevus_000002",
        "Lichen_Planus_010203",
    ]
    # Becker's naevi 1 and 2; the other class has a 1, too.
    own = "Becker's_Nevus_000001"
    assert [row.series for row in rows] == ["", own, own, ""]


@pytest.mark.parametrize("folder", ["", "sd-198"])
def test_class_folders_without_images_folder(tmp_path, folder):
    direct = read(write_sd198(tmp_path / "direct"))
    other = read(write_sd198(tmp_path / "other", folder=folder))
    assert other.diagnoses == direct.diagnoses


def series(tmp_path, *names):
    for seed, name in enumerate(names):
        save_image(tmp_path / "images" / name, picture(seed))
    return {row.stem: row.series for row in read(tmp_path).rows}


def test_consecutive_numbers_are_a_series_whatever_the_class(tmp_path):
    assert series(
        tmp_path, "Acne/000007.jpg", "Acne/000010.jpg", "Blue_Nevus/8.png", "Blue_Nevus/000012.jpg"
    ) == {
        "Acne_000007": "Acne_000007",
        "Blue_Nevus_8": "Acne_000007",
        "Acne_000010": "",
        "Blue_Nevus_000012": "",
    }


def test_classes_that_number_their_files_anew_have_series_of_their_own(tmp_path):
    assert series(
        tmp_path, "A/01.jpg", "A/02.jpg", "A/03.jpg", "B/02.jpg", "B/04.jpg", "B/x05.jpg"
    ) == {"A_01": "A_01", "A_02": "A_01", "A_03": "A_01", "B_02": "", "B_04": "", "B_x05": ""}
