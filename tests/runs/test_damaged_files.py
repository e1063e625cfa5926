"""A file of a run that a full disk or a killed machine has damaged is named, with the cure."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from described_run import make_described_run
from reported_run import make_reported_run
from skinnet_keras.cli.main import app
from skinnet_keras.errors import UserError
from skinnet_keras.runs.masks import PredictedMasks, holds_masks
from skinnet_keras.runs.run import Run


def empty(content: bytes) -> bytes:
    return b""


def cut_off(content: bytes) -> bytes:
    return content[: int(len(content) * 0.55)]


def zeros(content: bytes) -> bytes:
    return bytes(len(content))


def no_text(content: bytes) -> bytes:
    return b"\xff\xfe\x00\x81" * 50


DAMAGES = [empty, cut_off, zeros, no_text]


@pytest.fixture
def run(tmp_path) -> Path:
    return make_described_run(tmp_path)


@pytest.fixture(scope="module")
def with_masks(tmp_path_factory) -> Path:
    return make_reported_run(tmp_path_factory.mktemp("reported")).directory


def refused(*arguments) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments), "--bootstrap", "0"])
    assert isinstance(result.exception, UserError), result.exception or result.output
    message = str(result.exception)
    assert "\n" not in message
    return message


def damage(file: Path, how) -> None:
    file.write_bytes(how(file.read_bytes()))


@pytest.mark.parametrize("how", DAMAGES)
def test_environment(how, run):
    damage(run / "environment.json", how)
    message = refused("subgroups", run)
    assert str(run / "environment.json") in message
    assert "say with --data where the catalogue lies" in message
    # The catalogue is what a reader needs of it; a resumed run writes it anew.
    catalogue = run.parent / "data"
    Run.open(run, data=catalogue).remember_catalogue()
    assert Run.open(run).load_catalogue().root == catalogue


@pytest.mark.parametrize("content", [[], {"catalogue": 3}, {"catalogue": ""}, {"python": "3"}])
def test_environment_that_names_no_catalogue(content, run):
    (run / "environment.json").write_text(json.dumps(content))
    assert "environment.json is missing or damaged" in refused("card", run)


@pytest.mark.parametrize("how", DAMAGES)
def test_digest_of_the_catalogue(how, run):
    digest = Run.open(run).load_catalogue().sha256()
    damage(run / "catalogue.sha256", how)
    message = refused("subgroups", run)
    table = run.parent / "data" / "catalogue.csv"
    assert str(run / "catalogue.sha256") in message
    assert f"write the output of `sha256sum {table}` into it" in message
    (run / "catalogue.sha256").write_text(f"{digest}  {table}\n")
    assert Run.open(run).load_catalogue().sha256() == digest


@pytest.mark.parametrize("how", DAMAGES)
def test_config(how, run):
    damage(run / "config.yaml", how)
    message = refused("card", run)
    assert str(run / "config.yaml") in message
    assert "restore it from a copy, or start a new run" in message


def test_config_that_was_cut_off_within_a_line(run):
    """It is valid all the same, if need be with a number that has lost digits."""
    file = run / "config.yaml"
    file.write_bytes(file.read_bytes()[:-1])
    assert "ends in the middle of a line" in refused("card", run)


@pytest.mark.parametrize("how", DAMAGES)
def test_history(how, run):
    opened = Run.open(run)
    opened.write_history(opened.history())
    damage(run / "history.csv", how)
    message = refused("card", run)
    assert str(run / "history.csv") in message
    assert "restore it from a copy, or remove it" in message
    (run / "history.csv").unlink()
    assert Run.open(run).history() == []


def test_history_whose_epochs_are_no_numbers(run):
    (run / "history.csv").write_text("stage,epoch,loss\ncnn,one,0.5\n")
    assert "history.csv is damaged" in refused("card", run)


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("split", ["val", "test"])
def test_predictions(split, how, run):
    damage(run / f"predictions_{split}.csv", how)
    message = refused("report", run, "--pictures", 0)
    assert str(run / f"predictions_{split}.csv") in message


@pytest.mark.parametrize("how", DAMAGES)
@pytest.mark.parametrize("name", ["masks.npy", "masks.csv"])
def test_masks(name, how, with_masks):
    file = with_masks / name
    content = file.read_bytes()
    try:
        damage(file, how)
        for read in (
            lambda: PredictedMasks.open(with_masks),
            lambda: holds_masks(with_masks, ["tiny:p0"]),
        ):
            with pytest.raises(UserError, match="and make them anew with") as error:
                read()
            assert str(file) in str(error.value)
        if how is cut_off:
            assert str(file) in refused("report", with_masks)
    finally:
        file.write_bytes(content)


@pytest.mark.parametrize(
    "masks", [np.zeros((2, 8, 8), np.uint8), np.zeros((36, 32, 32)), np.zeros((36, 32), np.uint8)]
)
def test_masks_that_do_not_fit_their_table(masks, with_masks):
    content = (with_masks / "masks.npy").read_bytes()
    try:
        np.save(with_masks / "masks.npy", masks)
        with pytest.raises(UserError, match=r"masks.npy is damaged \(it holds .* for 36 rows"):
            PredictedMasks.open(with_masks)
    finally:
        (with_masks / "masks.npy").write_bytes(content)
