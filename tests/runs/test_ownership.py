"""A run directory has one owner, and a run that was killed while it was started can be started."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.config import Config
from skinnet_keras.data.synthetic import write_synthetic
from skinnet_keras.errors import UserError
from skinnet_keras.locks import own_folder
from skinnet_keras.runs.files import is_run
from skinnet_keras.runs.run import Run
from test_locks import held
from tiny_run import make_catalogue

CONFIG = {"name": "tiny", "model": {"variant": "v1"}, "stages": {"cnn": {"epochs": 1}}}

_DIES = """
import os, signal, sys
from pathlib import Path
from skinnet_keras.config import Config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.runs import run
dump = run.dump_config
def dying(config):
    os.kill(os.getpid(), signal.SIGKILL)
run.dump_config = dying
run.Run.create(Path(sys.argv[1]), Config.model_validate(%r), Catalogue.load(sys.argv[2]))
"""


def refused(*arguments) -> str:
    result = CliRunner().invoke(app, [*map(str, arguments)])
    assert isinstance(result.exception, UserError), result.exception
    return str(result.exception)


def test_a_run_killed_while_it_was_started_is_started_again(tmp_path):
    catalogue = make_catalogue(tmp_path / "data")
    command = [sys.executable, "-c", _DIES % CONFIG, str(tmp_path / "run"), str(catalogue.root)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    assert (tmp_path / "run" / "environment.json").is_file()
    assert not is_run(tmp_path / "run")
    Run.create(tmp_path / "run", Config.model_validate(CONFIG), catalogue)
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"environment.json", "catalogue.sha256", "config.yaml"}
    with pytest.raises(UserError, match="continue it with --resume"):
        Run.create(tmp_path / "run", Config.model_validate(CONFIG), catalogue)
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter.tex").write_text("mine")
    with pytest.raises(UserError, match="not empty"):
        Run.create(tmp_path / "thesis", Config.model_validate(CONFIG), catalogue)


def test_commands_that_write_into_an_owned_folder_are_refused(tmp_path):
    catalogue = make_catalogue(tmp_path / "data")
    run, folds = tmp_path / "run", tmp_path / "folds"
    Run.create(run, Config.model_validate(CONFIG), catalogue)
    config = run / "config.yaml"
    with held("own_folder", run) as process:
        message = f"{run} is being written by process {process.pid} on "
        assert message in refused("train", "--resume", run)
        start = ("train", "--config", config, "--data", catalogue.root, "stages.cnn.batch_size=4")
        assert message in refused(*start, "--out", run)
    with held("own_folder", folds) as process:
        place = ("--data", catalogue.root, "--folds", 2, "--out", folds)
        assert f"by process {process.pid}" in refused("crossval", "--config", config, *place)
    write_synthetic(tmp_path / "lesions", lesions=2, image_size=64, seed=0)
    with held("own_folder", tmp_path / "c") as process:
        asked = ("--source", f"synthetic={tmp_path / 'lesions'}", "--out", tmp_path / "c")
        assert f"by process {process.pid}" in refused("data", "build", *asked)
    table = tmp_path / "p.csv"
    table.write_text("image_id,label,MEL,NV,BCC,AK,BKL,DF,VASC,SCC\na,NV,0,1,0,0,0,0,0,0\n")
    with held("own_folder", tmp_path / "o") as process:
        asked = ("evaluate", table, "--bootstrap", 0, "--out", tmp_path / "o")
        assert f"by process {process.pid}" in refused(*asked)
    with own_folder(run):  # those that held it were killed
        pass
    assert [path.name for path in run.iterdir() if path.name.startswith(".")] == []
