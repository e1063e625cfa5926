"""`skinnet segment benchmark`: JSON, the growing CSV file, mistakes."""

from __future__ import annotations

import csv
import json

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError

QUICK = ("--image-size", 32, "--batch-size", 2, "--seconds", 0, "--threads", 1)


def invoke(*arguments):
    return CliRunner().invoke(app, ["segment", "benchmark", *map(str, arguments)])


@pytest.fixture(autouse=True)
def threads(monkeypatch):
    """The command sets it; nothing is to stay behind."""
    monkeypatch.setenv("TF_NUM_INTRAOP_THREADS", "1")


def read(file):
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_one_network(tmp_path):
    file = tmp_path / "speed.csv"
    arguments = ("unet", *QUICK, "--arguments", "{widths: [2, 4]}", "--out", file)
    result = invoke(*arguments, "--json")
    assert result.exit_code == 0, result.output
    (row,) = json.loads(result.stdout)["networks"]
    assert (row["network"], row["image_size"], row["threads"]) == ("unet", 32, 1)
    (line,) = read(file)
    assert json.loads(line["arguments"]) == {"widths": [2, 4]}
    assert int(line["macs"]) == row["macs"]
    assert line["cpu"] == row["machine"]["cpu"]

    # The next command adds its rows.
    result = invoke(*arguments)
    assert "unet (widths [2, 4])" in result.stdout
    assert [line["network"] for line in read(file)] == ["unet", "unet"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name the networks to measure, or give --all"),
        (("unet", "--all"), "name the networks to measure, or give --all"),
        (("unet", "u_net"), "unknown network 'u_net': choose among unet, "),
        (("unet", "--arguments", "{widths: ["), "is not valid YAML"),
        (("unet", "--arguments", "12"), "write '{name: value}'"),
    ],
)
def test_mistakes(arguments, message):
    result = invoke(*arguments, *QUICK)
    assert isinstance(result.exception, UserError)
    assert message in str(result.exception)


def test_another_table_is_not_overwritten(tmp_path):
    file = tmp_path / "speed.csv"
    file.write_text("name,value\na,1\n")
    result = invoke("unet", *QUICK, "--out", file)
    assert "holds another table" in str(result.exception)
    assert file.read_text() == "name,value\na,1\n"


@pytest.mark.slow
def test_several_networks_are_measured_in_processes_of_their_own(tmp_path):
    file = tmp_path / "speed.csv"
    small = ("--arguments", "{widths: [2, 4]}", "--out", file, "--json")
    # MALUNet wants six widths: it fails alone.
    result = invoke("unet", "malunet", "attention_unet", *QUICK, *small)
    assert isinstance(result.exception, UserError)
    assert "malunet failed" in str(result.exception)
    rows = json.loads(result.stdout)["networks"]
    assert [row["network"] for row in rows] == ["unet", "attention_unet"]
    assert [line["network"] for line in read(file)] == ["unet", "attention_unet"]
