"""Runs and catalogues that were moved: where a run finds its catalogue, and what it knows it by."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from skinnet_keras.config import Config
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.runs.masks import PredictedMasks
from skinnet_keras.runs.run import Run
from skinnet_keras.runs.view_record import read_tta
from skinnet_keras.training.masks import link_masks
from tiny_run import make_catalogue

CONFIG = {"name": "tiny", "model": {"variant": "v1"}, "stages": {"cnn": {"epochs": 1}}}


@pytest.fixture
def project(tmp_path) -> Path:
    """A project folder with a catalogue and a run side by side."""
    root = tmp_path / "project"
    catalogue = make_catalogue(root / "catalogue")
    Run.create(root / "runs" / "tiny", Config.model_validate(CONFIG), catalogue)
    return root


def found(run: Path, data: Path | None = None) -> Path:
    """Where a run finds its catalogue, which is the one it was started with."""
    return Run.open(run, data=data).load_catalogue().root


def change(catalogue: Path) -> None:
    loaded = Catalogue.load(catalogue)
    Catalogue(catalogue, loaded.table.assign(sex="male"), loaded.sources).write(catalogue)


def as_earlier_versions_wrote(run: Path) -> None:
    environment = json.loads((run / "environment.json").read_text())
    del environment["catalogue_relative"]
    (run / "environment.json").write_text(json.dumps(environment))


def test_moved_together_they_find_each_other(project, tmp_path):
    assert found(project / "runs" / "tiny") == project / "catalogue"
    shutil.move(project, tmp_path / "other" / "place")
    assert found(tmp_path / "other/place/runs/tiny") == tmp_path / "other/place/catalogue"


def test_a_run_moved_alone_knows_the_place(project, tmp_path):
    shutil.move(project / "runs" / "tiny", tmp_path / "tiny")
    assert found(tmp_path / "tiny") == project / "catalogue"
    # Another catalogue lies where the relative path leads to: the digest tells them apart.
    shutil.move(tmp_path / "tiny", tmp_path / "b" / "runs" / "tiny")
    shutil.copytree(project / "catalogue", tmp_path / "b" / "catalogue")
    change(tmp_path / "b" / "catalogue")
    assert found(tmp_path / "b" / "runs" / "tiny") == project / "catalogue"


def test_a_copy_of_both_minds_its_own_catalogue(project, tmp_path):
    shutil.copytree(project, tmp_path / "copy")
    change(project / "catalogue")
    assert found(tmp_path / "copy" / "runs" / "tiny") == tmp_path / "copy" / "catalogue"
    with pytest.raises(UserError, match="changed since"):
        found(project / "runs" / "tiny")


@pytest.mark.parametrize("earlier", [False, True])
def test_a_catalogue_moved_alone_is_named(earlier, project, tmp_path, monkeypatch):
    run = project / "runs" / "tiny"
    if earlier:
        as_earlier_versions_wrote(run)
    assert found(run) == project / "catalogue"
    shutil.move(project / "catalogue", tmp_path / "moved")
    with pytest.raises(UserError, match=f"is not in {project / 'catalogue'}: say with --data"):
        found(run)
    before = (run / "environment.json").read_bytes()
    monkeypatch.chdir(tmp_path)
    assert found(run, Path("moved")) == Path("moved")
    assert (run / "environment.json").read_bytes() == before  # reading writes nothing
    with pytest.raises(UserError, match="is not in nowhere: say with --data"):
        found(run, Path("nowhere"))

    Run.open(run, data=Path("moved")).remember_catalogue()
    monkeypatch.chdir(project)
    assert found(run) == tmp_path / "moved"
    environment = json.loads((run / "environment.json").read_text())
    assert environment["seed"] == 0
    assert environment["packages"] == json.loads(before)["packages"]
    shutil.move(project, tmp_path / "deeper" / "project")
    shutil.move(tmp_path / "moved", tmp_path / "deeper" / "moved")
    assert found(tmp_path / "deeper/project/runs/tiny") == tmp_path / "deeper" / "moved"


def test_another_catalogue_is_refused(project, tmp_path):
    shutil.copytree(project / "catalogue", tmp_path / "other")
    change(tmp_path / "other")
    run = project / "runs" / "tiny"
    with pytest.raises(UserError, match="or is another one: restore it, name an unchanged copy"):
        found(run, tmp_path / "other")
    assert found(run) == project / "catalogue"


def test_masks_of_another_run_stay_when_that_run_goes(tmp_path):
    for name in ("source", "target"):
        (tmp_path / name).mkdir()
    masks = np.ones((2, 4, 4), np.uint8)
    np.save(tmp_path / "source" / "masks.npy", masks)
    table = "image_id,mask_origin,in_sample\na,predicted:x,1\nb,predicted:x,0\n"
    (tmp_path / "source" / "masks.csv").write_text(table)
    link_masks(tmp_path / "source", tmp_path / "target")
    shutil.rmtree(tmp_path / "source")
    shutil.move(tmp_path / "target", tmp_path / "moved")
    np.testing.assert_array_equal(PredictedMasks.open(tmp_path / "moved").of(["b", "a"]), masks)


def test_a_link_of_an_earlier_version_names_what_is_gone(tmp_path):
    for name in ("masks.npy", "masks.csv"):
        os.symlink(tmp_path / "gone" / name, tmp_path / name)
    with pytest.raises(UserError, match=r"is a link to .*, which is gone: put a copy"):
        PredictedMasks.open(tmp_path)


@pytest.mark.parametrize("together", [True, False])
def test_averages_over_views_name_their_run(together, project, tmp_path):
    """A record of an absolute path and of one as seen from the folder."""
    out = project / "runs" / "tiny_tta"
    out.mkdir()
    run = {"path": str(project / "runs" / "tiny"), "relative_path": "../tiny"}
    record = {"run": run, "views": {"name": "flips", "count": 4}}
    (out / "tta.json").write_text(json.dumps(record))
    if together:
        shutil.move(project, tmp_path / "b")
        assert read_tta(tmp_path / "b/runs/tiny_tta").run == str(tmp_path / "b/runs/tiny")
    else:
        shutil.move(out, tmp_path / "b")
        assert read_tta(tmp_path / "b").run == str(project / "runs" / "tiny")
