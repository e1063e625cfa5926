"""`skinnet data cite`, and the table of data sets it prints."""

from __future__ import annotations

import json
import re

import pandas as pd
import pytest
import typer
from typer.testing import CliRunner

from skinnet_keras.cli.data.cite import cite
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.citations import data_set_named, data_sets, works_of
from skinnet_keras.data.sources import SOURCES
from skinnet_keras.errors import UserError

NAMES = (
    *("isic2017", "isic2018", "isic2019", "isic2020", "ham10000", "mednode", "sd198"),
    *("derm7pt", "skinl2", "ph2", "ras", "folder", "synthetic"),
)


def run(*arguments, width=80):
    app = typer.Typer()
    app.command()(cite)
    return CliRunner().invoke(
        app, [str(argument) for argument in arguments], env={"COLUMNS": str(width)}
    )


def test_every_source_has_an_entry():
    assert set(SOURCES) <= set(data_sets())
    assert set(NAMES) <= set(data_sets())
    assert data_set_named("derm7pt_clinical") == data_set_named("derm7pt")
    assert data_set_named("folder-clinic_a") == data_set_named("folder")


@pytest.mark.parametrize("name", sorted(data_sets()))
def test_entries_are_complete(name):
    data_set = data_sets()[name]
    assert data_set.title
    assert data_set.licence.model
    assert bool(data_set.files) != bool(data_set.steps), "fetched, or described"
    own = name in ("folder", "synthetic")
    assert own or (data_set.works and data_set.images)
    assert set(data_set.default_parts) <= set(data_set.parts)
    names = [file.name for file in data_set.files]
    assert len(set(names)) == len(names)
    for file in data_set.files:
        assert file.urls
        assert all(url.startswith("https://") for url in file.urls)
        digits = {"md5": 32, "sha256": 64}
        if file.known_hash is not None:
            algorithm, checksum = file.known_hash.split(":")
            assert re.fullmatch(rf"[0-9a-f]{{{digits[algorithm]}}}", checksum)


def test_isic2019_fetches_what_its_reader_reads():
    files = [file for file in data_set_named("isic2019").files if file.part == "train"]
    assert [file.target for file in files] == [
        "ISIC_2019_Training_Input",
        "ISIC_2019_Training_GroundTruth.csv",
        "ISIC_2019_Training_Metadata.csv",
    ]
    assert files[0].urls == (
        "https://isic-archive.s3.amazonaws.com/challenges/2019/ISIC_2019_Training_Input.zip",
        "https://isic-challenge-data.s3.amazonaws.com/2019/ISIC_2019_Training_Input.zip",
    )


def test_dois_are_bare_and_keys_name_the_year():
    for work in works_of(data_sets().values()):
        assert work.fields.get("doi", "10.").startswith("10.")
        assert work.fields["year"] in work.key
        assert work.type in ("article", "inproceedings", "misc")


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits(width):
    result = run(width=width)
    assert result.exit_code == 0, result.output
    lines = result.stdout.splitlines()
    assert max(map(len, lines)) <= width
    assert [name for name in NAMES if not re.search(rf"^\s*{name} ", result.stdout, re.M)] == []
    assert "25,331" in result.stdout
    dois = [work.fields["doi"] for work in works_of(data_sets().values()) if "doi" in work.fields]
    assert [doi for doi in dois if f"doi:{doi}" not in result.stdout] == [], "no DOI is broken"


def test_only_those_asked_for():
    result = run("ham10000", "ham10000")
    assert "isic2019" not in result.stdout
    assert result.stdout.count("10,015") == 1
    assert "CC BY-NC 4.0: keep a trained model non-commercial" in result.stdout
    with pytest.raises(UserError, match="no data set 'ham'"):
        raise run("ham").exception


def test_bibtex_has_each_work_once():
    text = run("isic2019", "ham10000", "isic2018", "--bibtex").stdout
    keys = re.findall(r"^@\w+\{(\w+),$", text, re.M)
    assert len(keys) == len(set(keys)) == 5
    assert text.count("{") == text.count("}")
    assert "  author = {Tschandl, Philipp and Rosendahl, Cliff and Kittler, Harald},\n" in text
    assert "  doi = {10.1038/sdata.2018.161},\n" in text


def test_json_is_one_object():
    (entry,) = json.loads(run("isic2017", "--json").stdout)["data_sets"]
    assert entry["licence"]["name"] == "CC0 1.0"
    assert entry["downloadable"] is True
    assert entry["cite"][0]["year"] == "2018"
    assert json.loads(run("folder", "--json").stdout)["data_sets"][0]["images"] is None


def test_the_sources_of_a_catalogue(tmp_path):
    sources = {"ham10000": tmp_path, "derm7pt_clinical": tmp_path, "folder-clinic_a": tmp_path}
    (tmp_path / "catalogue").mkdir()
    table = pd.DataFrame([{**dict.fromkeys(COLUMNS, ""), "image_id": "ham10000:a"}])
    Catalogue(tmp_path / "catalogue", table, sources).write(tmp_path / "catalogue")
    result = run("--catalogue", tmp_path / "catalogue", "--json")
    names = [entry["name"] for entry in json.loads(result.stdout)["data_sets"]]
    assert names == ["ham10000", "derm7pt", "folder"]
    with pytest.raises(UserError, match=r"has no catalogue\.csv"):
        raise run("--catalogue", tmp_path).exception
