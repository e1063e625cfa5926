"""Each way to break a catalogue gives its sentence."""

from __future__ import annotations

import pytest

from layouts import write_all
from skinnet_keras.data.catalogue import Catalogue, build_catalogue
from skinnet_keras.data.checks import find_problems


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    root = tmp_path_factory.mktemp("checks")
    build_catalogue(write_all(root), root / "catalogue")
    return Catalogue.load(root / "catalogue")


def broken(sound, image_id, /, **cells):
    table = sound.table.copy()
    for column, value in cells.items():
        table.loc[table["image_id"] == image_id, column] = value
    return find_problems(Catalogue(sound.root, table, sound.sources))


HAM = "ham10000:ISIC_0024306"  # one lesion with ISIC_0024307
TWIN = "isic2019:ISIC_0024306"


def test_sound(sound):
    assert find_problems(sound) == []


@pytest.mark.parametrize(
    ("image_id", "cells", "sentence"),
    [
        (HAM, {"label": "WART"}, "label outside the taxonomy"),
        (HAM, {"split": "dev"}, "split other than"),
        (HAM, {"fold": "9"}, "unknown fold"),
        (HAM, {"split": ""}, "labelled but have no split"),
        (HAM, {"label": ""}, "unlabelled but have a split"),
        (HAM, {"path": "gone.jpg"}, "no image file, e.g. ham10000:ISIC_0024306"),
        (HAM, {"mask_path": "gone.png"}, "no mask file"),
        (HAM, {"path": "../x.jpg"}, "outside their source's folder"),
        (HAM, {"image_id": "ham10000:ISIC_0024307"}, "image_id of another row"),
        (TWIN, {"duplicate_of": "nobody"}, "duplicates of no kept image"),
        (TWIN, {"split": "val"}, "duplicates but have a split"),
    ],
)
def test_rows(sound, image_id, cells, sentence):
    assert any(sentence in problem for problem in broken(sound, image_id, **cells))


def other_split(sound, image_id):
    split = sound.table.set_index("image_id").loc[image_id, "split"]
    return "test" if split != "test" else "train"


def test_group_in_two_splits(sound):
    problems = broken(sound, HAM, split=other_split(sound, HAM))
    assert any("groups are in more than one part" in problem for problem in problems)


def test_leaks_are_seen_even_when_the_group_column_hides_them(sound):
    cells = {"split": other_split(sound, HAM), "group": "alone"}
    problems = broken(sound, HAM, **cells)
    assert any(problem.startswith("1 lesions") for problem in problems)
    problems = broken(sound, TWIN, duplicate_of="", group="alone", **{"split": cells["split"]})
    assert any(problem.startswith("1 image names") for problem in problems)
