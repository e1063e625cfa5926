"""RAS: pictures and multispectral sequences, of which a preview or a named band is read."""

from __future__ import annotations

import pytest

from layouts import write_ras
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.ras import read
from skinnet_keras.errors import UserError


def test_rows(tmp_path):
    table = read(write_ras(tmp_path))
    assert table.rows == [
        SourceRow(
            stem="p01_a",
            path="images/p01_a.png",
            mask_path="masks/p01_a_segmentation.png",
            diagnosis="melanoma",
            lesion_id="1",
            patient_id="p01",
            age="61",
            sex="female",
            site="back",
        ),
        SourceRow(
            stem="p02_a",
            path="images/p02_a/rgb.png",
            diagnosis="nevus",
            lesion_id="2",
            patient_id="p02",
            sex="male",
            site="face",
        ),
        SourceRow(
            stem="p03_a",
            path="images/p03_a/650nm.tif",
            diagnosis="BCC",
            lesion_id="3",
            patient_id="p03",
            age="70",
        ),
    ]
    assert table.without_image == 1
    assert table.diagnoses["p04_a"] == "BCC"


def test_a_sequence_needs_a_preview_or_a_band(tmp_path):
    table = write_ras(tmp_path) / "ras.csv"
    table.write_text(table.read_text().replace("650nm", "700nm"))
    with pytest.raises(UserError, match=r"sequence p03_a .* no band '700nm' .*450nm, 650nm"):
        read(tmp_path)


def test_optional_columns_and_the_other_name(tmp_path):
    write_ras(tmp_path)
    (tmp_path / "ras.csv").unlink()
    (tmp_path / "metadata.csv").write_text("image,diagnosis\np01_a,melanoma\n")
    [row] = read(tmp_path).rows
    assert (row.diagnosis, row.lesion_id, row.age) == ("melanoma", "", "")
