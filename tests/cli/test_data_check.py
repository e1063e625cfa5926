"""`skinnet data check`: exit codes, one sentence a problem, tables, one JSON object."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.data import app
from small_catalogue import KEPT, write_small_catalogue


@pytest.fixture
def catalogue(tmp_path):
    return write_small_catalogue(tmp_path)


def check(catalogue, *options):
    return CliRunner().invoke(app, ["check", str(catalogue.root), *options])


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_sound(catalogue):
    result = check(catalogue)
    assert result.exit_code == 0, result.output
    assert "No leak among what is known, no missing or corrupt file" in result.stderr
    assert "; ham10000 has no patient ids; 5 of 6 images of isic2019 have neither" in result.stderr
    rows = [line.split() for line in result.stdout.splitlines()]
    assert ["NV", "2", "1", "1", "4"] in rows
    # source, split; MEL, NV, AK, unlabelled, all
    assert ["isic2019", "all", "1", ".", "3", "1", "5"] in rows
    assert ["test", ".", ".", "1", ".", "1"] in rows
    assert ["AK", "isic2019", "100", "%"] in rows
    assert any(row[:4] == ["nothing", "(always", "NV)", "44.4"] for row in rows)


def test_warns_of_classes_that_come_from_one_source(catalogue):
    lines = check(catalogue).stderr.splitlines()
    warnings = [line for line in lines if "Warning" in line and "training image" not in line]
    assert len(warnings) == 3
    assert "guess its class with a balanced accuracy of" in warnings[0]
    assert "ham10000 holds NV (100 %)" in warnings[1]
    assert "isic2019 holds AK (100 %)" in warnings[2]


def test_json(catalogue):
    result = check(catalogue, "--json")
    report = json.loads(result.stdout)
    assert report["problems"] == []
    assert report["classes"]["NV"] == {"train": 2, "val": 1, "test": 1}
    assert report["classes_by_source"]["isic2019"]["AK"] == {"train": 1, "val": 1, "test": 1}
    # Of nine images the larger class of each source: 4 NV of ham10000, 3 AK of isic2019.
    assert report["shortcuts"]["shortcuts"]["source"]["accuracy"] == pytest.approx(7 / 9)
    assert report["shortcuts"]["one_source"] == {"NV": "ham10000", "AK": "isic2019"}
    assert list(report["shortcuts"]["shortcuts"]) == [
        "source",
        "holders",
        "image size",
        "metadata",
        "missing metadata",
    ]


def test_leak(catalogue):
    catalogue.table.loc[catalogue.table["image_id"] == KEPT, ["split", "fold"]] = ["test", ""]
    catalogue.write(catalogue.root)
    result = check(catalogue, "--quick")
    assert result.exit_code == 2
    assert "skinnet: 1 group is in more than one split, e.g. HAM_1." in result.stderr
    assert "No leak" not in result.stderr


def test_corrupt_image_is_found_unless_quick(catalogue):
    truncate(catalogue.image_path(KEPT))
    result = check(catalogue)
    assert result.exit_code == 2
    assert f"skinnet: {KEPT}: " in result.stderr
    quick = check(catalogue, "--quick", "--json")
    assert quick.exit_code == 0
    assert "not decoded" in quick.stderr
    assert "image size" not in json.loads(quick.stdout)["shortcuts"]["shortcuts"]


def test_of_many_problems_the_first_are_printed_and_all_are_in_json(catalogue, monkeypatch):
    monkeypatch.setattr("skinnet_keras.cli.data.check._SHOWN_PROBLEMS", 4)
    for image_id in catalogue.table["image_id"]:
        truncate(catalogue.image_path(image_id))
    result = check(catalogue)
    assert result.stderr.count("cannot be read as an image") == 4
    assert "skinnet: 7 more problems; --json lists them all." in result.stderr
    assert len(json.loads(check(catalogue, "--json").stdout)["problems"]) == 11


def test_nothing_labelled(catalogue):
    catalogue.table[["label", "split", "fold"]] = ""
    catalogue.write(catalogue.root)
    result = check(catalogue, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["shortcuts"] is None
