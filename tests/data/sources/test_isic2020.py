"""ISIC-2020: Kaggle's names and the challenge's, unlabelled rows, test set without labels."""

from __future__ import annotations

import pytest

from layouts import picture, save_image, write_csv, write_isic2020
from layouts.isic2020 import write_isic2020_test
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.isic2020 import read


def test_rows(tmp_path):
    table = read(write_isic2020(tmp_path))
    assert [row.diagnosis for row in table.rows] == ["", "melanoma", "lentigo NOS"]
    assert [row.patient_id for row in table.rows] == ["IP_1", "IP_1", "IP_2"]
    assert table.without_image == 1
    assert table.diagnoses["ISIC_1000004"] == "nevus"


def test_challenge_names_and_lesions(tmp_path):
    save_image(tmp_path / "ISIC_2020_Training_Input" / "ISIC_1000001.jpg", picture(1))
    write_csv(
        tmp_path / "ISIC_2020_Training_GroundTruth_v2.csv",
        "image_name,patient_id,lesion_id,sex,age_approx,anatom_site_general_challenge,diagnosis",
        ["ISIC_1000001,IP_1,IL_1,male,45,torso,nevus"],
    )
    assert read(tmp_path).rows[0].lesion_id == "IL_1"


@pytest.mark.parametrize("kaggle", [True, False])
def test_test_set(tmp_path, kaggle):
    table = read(write_isic2020_test(write_isic2020(tmp_path), kaggle=kaggle))
    assert len(table.rows) == 4
    folder = "jpeg/test" if kaggle else "ISIC_2020_Test_Input"
    assert table.rows[3] == SourceRow(
        stem="ISIC_0052060",
        path=f"{folder}/ISIC_0052060.jpg",
        patient_id="IP_9",
        age="70.0",
        sex="male",
        site="oral/genital",
        official_split="test",
    )
    assert table.without_image == 1 + 1
    assert table.diagnoses["ISIC_0052349"] == ""
