from __future__ import annotations

import json
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from described_run import make_described_run
from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError


@pytest.fixture
def run(tmp_path):
    return make_described_run(tmp_path)


def invoke(*arguments):
    return CliRunner().invoke(app, ["card", *map(str, arguments)])


def test_markdown_on_stdout(run):
    result = invoke(run, "--bootstrap", 50)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("# Model card: described\n")
    assert "| MEL | 30 | 10 | 40 |" in result.stdout


def test_json_and_files_are_the_same_card(run, tmp_path):
    out = tmp_path / "card"
    result = invoke(run, "--bootstrap", 50, "--json", "--out", out)
    card = json.loads(result.stdout)
    assert card["evaluation"]["n"] == 80
    assert list(card["subgroups"]["attributes"]) == [
        *("sex", "age", "site", "source", "size", "metadata", "mask"),
    ]
    assert json.loads((out / "card.json").read_text()) == card
    assert "![Subgroups](subgroups.png)" in (out / "MODEL_CARD.md").read_text()
    assert {path.name for path in out.iterdir()} == {"MODEL_CARD.md", "card.json", "subgroups.png"}
    assert str(run.parent) not in result.stdout  # a card is published: no folder of this machine


def test_mistakes_are_user_errors(run, tmp_path):
    (tmp_path / "file").write_text("")
    for arguments, message in (
        ((tmp_path / "nowhere",), "does not exist"),
        ((run, "--split", "train"), "choose --split from test, val"),
        ((run, "--out", tmp_path / "file"), "is a file where a folder"),
    ):
        result = invoke(*arguments)
        assert isinstance(result.exception, UserError)
        assert message in str(result.exception)


def test_needs_no_tensorflow(run):
    code = (
        "import sys; from skinnet_keras.cli.main import main\n"
        "try: main()\n"
        "finally: assert not {'tensorflow', 'keras', 'jax'} & set(sys.modules)"
    )
    command = [sys.executable, "-c", code, "card", str(run), "--json", "--bootstrap", "0"]
    result = subprocess.run(command, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert json.loads(result.stdout)["name"] == "described"
