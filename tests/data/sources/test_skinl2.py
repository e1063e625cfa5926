"""SKINL2: the dermatoscopic pictures of both layouts, none of the light field's views."""

from __future__ import annotations

from layouts import write_skinl2
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.skinl2 import read


def test_rows_of_all_versions(tmp_path):
    assert read(write_skinl2(tmp_path)).rows == [
        SourceRow(
            stem="v1_0012",
            path="SKINL2_v1/Dermatoscopic/Basal-cell Carcinoma/0012_Dermatoscopic.png",
            diagnosis="Basal-cell Carcinoma",
            lesion_id="0012",
        ),
        SourceRow(
            stem="v1_0243",
            path="SKINL2_v1/Dermatoscopic/Nevus/0243_Dermatoscopic.png",
            diagnosis="Nevus",
            lesion_id="0243",
        ),
        SourceRow(
            stem="v2_0087",
            path="SKINL2_v2/0087/Others/Dermatoscopic/0087_Dermatoscopic.png",
            diagnosis="Others",
            lesion_id="0087",
        ),
        SourceRow(
            stem="v3_0087",
            path="SKINL2_v3/0087/Hemangioma/Dermatoscopic/0087_Dermatoscopic.png",
            diagnosis="Hemangioma",
            lesion_id="0087",
        ),
    ]


def test_names_do_not_depend_on_the_folder_that_is_given(tmp_path):
    write_skinl2(tmp_path)
    assert [row.stem for row in read(tmp_path / "SKINL2_v2").rows] == ["v2_0087"]
    (tmp_path / "SKINL2_v1").rename(tmp_path / "renamed")
    assert [row.stem for row in read(tmp_path / "renamed").rows] == ["0012", "0243"]
