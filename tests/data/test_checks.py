"""Each way to break a catalogue's table gives its sentence."""

from __future__ import annotations

import pytest

from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.checks import find_problems
from small_catalogue import COPY, KEPT, write_small_catalogue


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    return write_small_catalogue(tmp_path_factory.mktemp("checks"))


def broken(sound, image_id, /, **cells):
    table = sound.table.copy()
    for column, value in cells.items():
        table.loc[table["image_id"] == image_id, column] = value
    return find_problems(Catalogue(sound.root, table, sound.sources))


def test_sound(sound):
    assert find_problems(sound) == []


@pytest.mark.parametrize(
    ("image_id", "cells", "sentence"),
    [
        (KEPT, {"label": "WART"}, "label outside the taxonomy"),
        (KEPT, {"split": "dev"}, "split other than"),
        (KEPT, {"fold": "first"}, "a fold that is no number"),
        (KEPT, {"fold": "01"}, "a fold that is no number"),
        (KEPT, {"split": "train", "fold": ""}, "no fold though they are in train or val"),
        (KEPT, {"split": "test", "fold": "0"}, "a fold though they are not in train or val"),
        (KEPT, {"fold": "99"}, "they count from 0 without a gap"),
        (KEPT, {"split": ""}, "no split though they are kept and labelled"),
        (KEPT, {"label": ""}, "a split though they are unlabelled"),
        (KEPT, {"path": "gone.jpg"}, "1 row has no image file, e.g. ham10000:ISIC_01"),
        (KEPT, {"mask_path": "gone.png"}, "no mask file"),
        (KEPT, {"path": "../x.jpg"}, "'../x.jpg' leaves the folder of ham10000"),
        (KEPT, {"source": "elsewhere"}, "does not name the source 'elsewhere'"),
        (KEPT, {"image_id": "ham10000:ISIC_02"}, "image_id of another row"),
        (COPY, {"duplicate_of": "nobody"}, "duplicate_of that is no kept image"),
        (COPY, {"split": "val"}, "a split though they are copies"),
    ],
)
def test_rows(sound, image_id, cells, sentence):
    assert any(sentence in problem for problem in broken(sound, image_id, **cells))


def test_a_catalogue_of_test_images_only_has_no_folds(sound):
    table = sound.table.copy()
    table["fold"] = ""
    table.loc[table["split"] != "", "split"] = "test"
    assert find_problems(Catalogue(sound.root, table, sound.sources)) == []
