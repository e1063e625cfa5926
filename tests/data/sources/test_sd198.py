"""SD-198: class folders below `images` or anywhere, names unique over the classes."""

from __future__ import annotations

import pytest

from layouts import write_sd198
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


@pytest.mark.parametrize("folder", ["", "sd-198"])
def test_class_folders_without_images_folder(tmp_path, folder):
    direct = read(write_sd198(tmp_path / "direct"))
    other = read(write_sd198(tmp_path / "other", folder=folder))
    assert other.diagnoses == direct.diagnoses
