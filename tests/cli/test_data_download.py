"""`skinnet data download`: asks first, fetches from a local server, says how to get the others."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
import typer
from typer.testing import CliRunner

from file_server import serving
from skinnet_keras.cli.data.download import download
from skinnet_keras.data import citations
from skinnet_keras.data.citations import DataSet, Licence, RemoteFile
from skinnet_keras.errors import UserError


@pytest.fixture
def server(monkeypatch):
    monkeypatch.setenv("no_proxy", "*")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("moles/melanoma/1.jpg", b"1")
    with serving(files={"moles.zip": buffer.getvalue()}) as running:
        file = RemoteFile("moles.zip", "all", (running.url("moles.zip"),), size=2_500_000)
        licence = Licence("CC BY-NC 4.0", "https://example.org/by-nc", "keep it non-commercial")
        mole = DataSet(
            "moles", "Moles of Example", (), licence, files=(file,), default_parts=("all",)
        )
        known = citations.data_sets() | {"moles": mole}
        monkeypatch.setattr(citations, "data_sets", lambda: known)
        yield running


def run(*arguments, **options):
    app = typer.Typer()
    app.command()(download)
    return CliRunner().invoke(app, [str(argument) for argument in arguments], **options)


def test_fetches_with_yes(server, tmp_path):
    result = run("moles", "--out", tmp_path, "--yes")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{tmp_path / 'moles'}\n"
    assert (tmp_path / "moles" / "moles" / "melanoma" / "1.jpg").read_bytes() == b"1"
    words = ("Moles of Example", "CC BY-NC 4.0", "keep it non-commercial", "1 file, about 2.5 MB")
    assert [word for word in words if word not in result.stderr] == []
    assert "moles.zip has sha256:" in result.stderr
    assert f"skinnet data build --source moles={tmp_path / 'moles'}" in result.stderr


def test_without_a_terminal_and_yes_nothing_is_fetched(server, tmp_path):
    result = run("moles", "--out", tmp_path)
    assert isinstance(result.exception, UserError)
    assert "say --yes to accept moles's licence" in str(result.exception)
    assert (server.requests, list(tmp_path.iterdir())) == ([], [])


@pytest.mark.parametrize(("answer", "requests"), [("y\n", 1), ("n\n", 0)])
def test_asks_at_a_terminal(server, tmp_path, monkeypatch, answer, requests):
    monkeypatch.setattr("typer.testing._NamedTextIOWrapper.isatty", lambda self: True)
    result = run("moles", "--out", tmp_path, input=answer)
    assert result.exit_code == 0, result.output
    assert "Do you accept the licence" in result.stderr
    assert len(server.requests) == requests


def test_dry_run_lists_and_fetches_nothing(server, tmp_path):
    result = run("moles", "--out", tmp_path, "--dry-run")
    assert result.exit_code == 0, result.output
    assert result.stdout == f"{server.url('moles.zip')}  2.5 MB\n"
    assert "Missing: 1 file, about 2.5 MB; already there: 0." in result.stderr
    assert server.requests == []


def test_a_second_run_asks_nothing(server, tmp_path):
    run("moles", "--out", tmp_path, "--yes")
    server.requests.clear()
    result = run("moles", "--out", tmp_path, "--json")
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout)
    assert (report["present"], report["fetched"]) == (["moles.zip"], [])
    assert server.requests == []


def test_json_of_each_kind(server, tmp_path):
    listed = json.loads(run("moles", "--out", tmp_path, "--dry-run", "--json").stdout)
    assert listed["missing"] == [
        {"name": "moles.zip", "url": server.url("moles.zip"), "bytes": 2_500_000}
    ]
    fetched = json.loads(run("moles", "--out", tmp_path, "--yes", "--json").stdout)
    assert fetched["folder"] == str(tmp_path / "moles")
    assert fetched["fetched"] == ["moles.zip"]
    assert fetched["pinned"]["moles.zip"].startswith("sha256:")
    asked = json.loads(run("ph2", "--json").stdout)
    assert len(asked["steps"]) >= 2


@pytest.mark.parametrize("name", ["ph2", "derm7pt", "derm7pt_clinical", "sd198", "skinl2", "ras"])
def test_the_others_have_steps(name, tmp_path):
    result = run(name, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("1. ")
    assert "Licence: " in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_says_that_it_goes_on(server, tmp_path, monkeypatch):
    def interrupted(plan):
        raise KeyboardInterrupt

    monkeypatch.setattr("skinnet_keras.data.download.run_download", interrupted)
    result = run("moles", "--out", tmp_path, "--yes")
    assert result.exit_code == 130
    assert "run the same command again to go on" in result.stderr


def test_mistakes(server, tmp_path):
    unknown = run("isic2099")
    assert "no data set 'isic2099': use one of isic2019" in str(unknown.exception)
    part = run("moles", "--part", "test", "--yes")
    assert "no part 'test': use all" in str(part.exception)
    server.files.clear()
    gone = run("moles", "--out", tmp_path, "--yes")
    assert isinstance(gone.exception, UserError)
    assert "404" in str(gone.exception)
