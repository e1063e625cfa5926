"""HAM10000: its table under three names, images in parts, optional masks."""

from __future__ import annotations

from layouts import write_ham10000
from skinnet_keras.data.sources import SourceRow
from skinnet_keras.data.sources.ham10000 import read


def test_rows(tmp_path):
    table = read(write_ham10000(tmp_path, masks=True))
    assert [row.stem for row in table.rows] == [f"ISIC_002430{n}" for n in (6, 7, 8, 9)]
    assert table.without_image == 1
    assert table.diagnoses["ISIC_0024310"] == "df"
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


def test_table_without_suffix(tmp_path):
    write_ham10000(tmp_path)
    (tmp_path / "HAM10000_metadata.csv").rename(tmp_path / "HAM10000_metadata")
    assert len(read(tmp_path).rows) == 4


def test_table_with_tabs(tmp_path):
    with_commas = read(write_ham10000(tmp_path))
    table = tmp_path / "HAM10000_metadata.csv"
    (tmp_path / "HAM10000_metadata.tab").write_text(table.read_text().replace(",", "\t"))
    table.unlink()
    assert read(tmp_path).rows == with_commas.rows
