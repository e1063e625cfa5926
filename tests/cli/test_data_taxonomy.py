"""`skinnet data taxonomy`: a word explained, the words by label, one JSON object."""

from __future__ import annotations

import json

import pytest
import typer
from typer.testing import CliRunner

from skinnet_keras.cli.data.taxonomy import taxonomy
from skinnet_keras.errors import UserError
from skinnet_keras.taxonomy import words_of

app = typer.Typer()
app.command()(taxonomy)


def run(*arguments):
    return CliRunner().invoke(app, list(arguments), env={"COLUMNS": "80"})


def lines(*arguments):
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    printed = [line.rstrip() for line in result.stdout.splitlines()]
    assert max(map(len, printed)) <= 80
    return printed


def test_a_word_is_explained():
    printed = lines("reed or spitz nevus")
    assert printed[0] == "skin condition"
    assert any(line.endswith("── melanocytic naevus  NV") for line in printed)
    assert any(line.endswith("── Reed or Spitz naevus") for line in printed)
    assert "label    NV, from melanocytic naevus" in printed
    assert "used by  derm7pt, derm7pt_clinical" in printed
    assert any(line.startswith("notes    - All variants") for line in printed)


def test_no_label_has_its_reason():
    assert "label    none, from undiagnosed" in lines("unknown")
    assert any("too wide for one" in line for line in lines("malignant"))


def test_another_sense_is_pointed_out():
    assert any(line.startswith("not by") and "derm7pt" in line for line in lines("melanosis"))
    printed = lines("melanosis", "--source", "derm7pt")
    assert any(line.endswith("── mucosal melanotic macule") for line in printed)


def test_all_words_by_label():
    printed = lines()
    for label in ("MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC", "UNK", "unlabelled"):
        # Once as a heading, once in the counts.
        assert [line.split()[0] for line in printed if line.strip()].count(label) == 2
    joined = "".join("".join(printed).split())
    assert "Actinic_solar_Damage(Actinic_Keratosis)" in joined
    assert "Ink-spotlentigo" in joined


def test_words_of_one_source():
    printed = lines("--source", "derm7pt")
    assert any("Words of derm7pt" in line for line in printed)
    rows = {tuple(line.split()) for line in printed}
    assert {("MEL", "6", "6"), ("NV", "7", "7"), ("UNK", "2", "2")} <= rows


def test_json_of_a_word():
    explanation = json.loads(run("lentigo", "--json").stdout)
    assert explanation["label"] == "BKL"
    assert explanation["path"][-2:] == ["benign keratinocytic lesion", "lentigo"]
    assert explanation["decided_by"] == "benign keratinocytic lesion"


def test_json_of_a_source():
    listed = json.loads(run("--source", "sd198", "--json").stdout)["words"]
    assert [own["word"] for own in listed] == list(words_of("sd198"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [(["melanomma"], "similar: 'melanoma'"), (["--source", "sd199"], "no words of 'sd199'")],
)
def test_mistakes_are_user_errors(arguments, sentence):
    result = run(*arguments)
    assert isinstance(result.exception, UserError)  # the command line makes it exit code 2
    assert sentence in str(result.exception)
    assert not result.stdout
