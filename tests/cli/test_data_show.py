"""`skinnet data show`: which pictures are written, and where."""

from __future__ import annotations

import json

import pytest
from PIL import Image
from typer.testing import CliRunner

from skinnet_keras.cli.data import app
from skinnet_keras.errors import UserError
from small_catalogue import write_small_catalogue


@pytest.fixture
def catalogue(tmp_path):
    return write_small_catalogue(tmp_path)


def show(catalogue, *options):
    return CliRunner().invoke(app, ["show", str(catalogue.root), *map(str, options)])


@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["overview"]),
        (["--by", "class"], ["classes"]),
        (["--by", "source", "--samples", "--masks"], ["classes_by_source", "samples", "masks"]),
        (["--duplicates"], ["duplicates"]),
        (["--cleaning"], ["cleaning"]),
    ],
)
def test_pictures(catalogue, options, names):
    result = show(catalogue, *options, "--count", "2")
    assert result.exit_code == 0, result.output
    paths = [catalogue.root / f"{name}.png" for name in names]
    assert result.stdout.split() == [str(path) for path in paths]
    for path in paths:
        with Image.open(path) as image:
            assert image.format == "PNG"


def test_out_and_json(catalogue, tmp_path):
    out = tmp_path / "figures" / "figure1.png"
    result = show(catalogue, "--by", "split", "--out", out, "--json")
    assert json.loads(result.stdout) == {"pictures": [str(out)]}
    assert out.is_file()


def test_one_name_for_two_pictures(catalogue, tmp_path):
    result = show(catalogue, "--masks", "--samples", "--out", tmp_path / "x.png")
    assert isinstance(result.exception, UserError)
    assert "--out names one PNG for 2 pictures" in str(result.exception)


def test_no_masks(catalogue):
    catalogue.table["mask_path"] = ""
    catalogue.write(catalogue.root)
    result = show(catalogue, "--masks")
    assert isinstance(result.exception, UserError)
    assert "no ground-truth mask to show" in str(result.exception)
    assert show(catalogue).exit_code == 0
