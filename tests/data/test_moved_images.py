"""Images that were moved: the catalogue says so, and is the same one with their new folder."""

from __future__ import annotations

import shutil

import pytest
from typer.testing import CliRunner

from skinnet_keras.cli.main import app
from skinnet_keras.data.building import build_catalogue
from skinnet_keras.data.cache import open_cache
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.image_sizes import read_sizes
from skinnet_keras.data.synthetic import write_synthetic
from skinnet_keras.errors import UserError


@pytest.fixture
def catalogue(tmp_path):
    write_synthetic(tmp_path / "images", lesions=12, image_size=32)
    build_catalogue({"synthetic": tmp_path / "images"}, tmp_path / "catalogue")
    return Catalogue.load(tmp_path / "catalogue")


def test_an_update_names_their_new_folder(catalogue, tmp_path):
    cache = open_cache(catalogue, 16)
    images, known = cache.images[:].copy(), cache.image_ids
    shutil.move(tmp_path / "images", tmp_path / "elsewhere")
    gone = Catalogue.load(catalogue.root)
    first = gone.table["image_id"][0]
    with pytest.raises(UserError, match=r"data build --update --source synthetic=DIR"):
        gone.image_path(first)
    with pytest.raises(UserError, match="--source synthetic=DIR"):
        open_cache(gone, 24)
    # What is in the cache serves without the images.
    assert (open_cache(gone, 16).images[:] == images).all()
    assert read_sizes(gone, known) == {}

    out = ["--out", str(catalogue.root)]
    moved = f"synthetic={tmp_path / 'elsewhere'}"
    result = CliRunner().invoke(app, ["data", "build", "--update", "--source", moved, *out])
    assert result.exit_code == 0, result.output
    found = Catalogue.load(catalogue.root)
    # The digest of the table is what runs know their catalogue by.
    assert found.sha256() == catalogue.sha256()
    assert found.sources == {"synthetic": tmp_path / "elsewhere"}
    assert found.image_path(first).is_file()
    assert (open_cache(found, 16).images[:] == images).all()


def test_an_update_without_it_says_what_is_missing(catalogue, tmp_path):
    shutil.move(tmp_path / "images", tmp_path / "elsewhere")
    result = CliRunner().invoke(app, ["data", "build", "--update", "--out", str(catalogue.root)])
    assert isinstance(result.exception, UserError)
    assert f"{tmp_path / 'images'} is not a folder" in str(result.exception)
    assert "--source synthetic=DIR" in str(result.exception)
    check = CliRunner().invoke(app, ["data", "check", str(catalogue.root)])
    assert check.exit_code == 2
    assert check.output.count("--source synthetic=DIR") == 1
