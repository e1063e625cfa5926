from __future__ import annotations

import json

import pytest
from PIL import Image

from made_subgroups import make_predictions
from skinnet_keras.evaluation.subgroups.output import write_subgroups
from skinnet_keras.evaluation.subgroups.report import subgroup_report
from skinnet_keras.evaluation.subgroups.tables import subgroup_tables


@pytest.fixture(scope="module")
def report():
    predictions, attribute = make_predictions()
    return subgroup_report(predictions, [attribute], bootstrap=200)


def test_tables_say_what_is_compared_and_of_how_many(report):
    tables = subgroup_tables(report)
    assert list(tables) == ["subgroups_sex", "subgroup_lesions", "subgroup_gaps"]
    sex = tables["subgroups_sex"]
    assert sex.title == "Sex (compared over MEL, NV)"
    assert [row[:3] for row in sex.rows] == [
        ("female", "49", "49"),
        ("male", "40", "40"),
        ("not recorded", "40", "40"),
        ("all", "129", "129"),
    ]
    assert sex.rows[0][3].startswith("0.875 (")
    assert sex.rows[2][3] == "-"
    assert tables["subgroup_lesions"].rows[0] == ("Sex: female", "20", "20", "9")
    gaps = tables["subgroup_gaps"].rows
    assert gaps[0][:3] == ("Sex: Balanced accuracy", "female", "male")
    assert gaps[0][3].startswith("0.300 (")


def test_images_stand_beside_lesions_where_they_differ():
    predictions, attribute = make_predictions(images_a_lesion=2)
    tables = subgroup_tables(subgroup_report(predictions, [attribute], bootstrap=0))
    assert tables["subgroup_lesions"].rows[0] == ("Sex: female", "20 (40)", "20 (40)", "9 (18)")


def test_everything_is_written(report, tmp_path):
    written = write_subgroups(tmp_path / "out", report, subgroup_tables(report), "a run (test)")
    assert sorted(written) == sorted(path.name for path in (tmp_path / "out").iterdir())
    assert json.loads((tmp_path / "out" / "subgroups.json").read_text()) == report
    text = (tmp_path / "out" / "subgroups.txt").read_text()
    assert "0.875 (" in text
    assert "fewer than 10 melanomas" in text
    with Image.open(tmp_path / "out" / "subgroups.png") as picture:
        assert picture.width > 1000
        dots = sum(
            n for n, colour in picture.convert("RGB").getcolors(1 << 20) if colour == (0, 114, 178)
        )
    assert dots > 200  # marks and bars in the palette's blue


def test_the_picture_needs_no_interval(tmp_path):
    predictions, attribute = make_predictions()
    report = subgroup_report(predictions, [attribute], bootstrap=0)
    write_subgroups(tmp_path, report, subgroup_tables(report), "")
    assert (tmp_path / "subgroups.png").stat().st_size > 10_000
