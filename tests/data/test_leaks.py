"""Leaks put in by hand are each found, by what they cross and what they share."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.leaks import PAIRS_FILE, find_leaks

# image id, split, fold; every image its own group.
ROWS = {
    "ham10000:A": ("train", "0"),
    "ham10000:B": ("val", "1"),
    "ham10000:C": ("test", ""),
    "isic2019:D": ("train", "0"),
    "ph2:E": ("test", ""),
}


@pytest.fixture
def table():
    table = pd.DataFrame("", index=range(len(ROWS)), columns=list(COLUMNS))
    table["image_id"] = table["group"] = list(ROWS)
    table["source"] = [own.partition(":")[0] for own in ROWS]
    table["label"] = "NV"
    table[["split", "fold"]] = list(ROWS.values())
    return table


def leaks_of(table, root=Path("nowhere")):
    return find_leaks(Catalogue(root, table, {}))


def give(table, column, **values):
    """Set `column` of the images named by their last letter."""
    for letter, value in values.items():
        table.loc[table["image_id"].str[-1] == letter, column] = value


def test_sound(table):
    give(table, "lesion_id", A="L1", D="L1")
    assert leaks_of(table) == []


@pytest.mark.parametrize(
    ("column", "what"), [("group", "group"), ("lesion_id", "lesion"), ("patient_id", "patient")]
)
def test_shared_key_in_two_splits(table, column, what):
    give(table, column, A="X1", C="X1")
    (leak,) = leaks_of(table)
    assert leak.startswith(f"1 {what} is in more than one split, e.g. ")
    assert leak.endswith("X1.")


def test_shared_key_in_two_folds_and_splits(table):
    give(table, "lesion_id", A="L1", B="L1", C="L2", D="L2")
    assert leaks_of(table) == [
        "2 lesions are in more than one split, e.g. isic:L1.",
        "1 lesion is in more than one fold, e.g. isic:L1.",
    ]


def test_folds_within_one_split(table):
    give(table, "split", B="train")
    give(table, "patient_id", A="P", B="P")
    assert leaks_of(table) == ["1 patient is in more than one fold, e.g. isic:P."]


def test_ids_of_other_providers_are_other_patients(table):
    give(table, "patient_id", A="1", E="1")
    assert leaks_of(table) == []


def test_one_image_name_in_two_sources_of_one_provider(table):
    give(table, "image_id", D="isic2019:C_downsampled")
    assert leaks_of(table) == ["1 image name is in more than one split, e.g. isic:C."]


def test_a_copy_counts_where_its_kept_image_is(table):
    give(table, "split", D="")
    give(table, "fold", D="")
    give(table, "duplicate_of", D="ham10000:C")  # in test
    give(table, "lesion_id", A="L1", D="L1")  # A is in train
    assert leaks_of(table) == ["1 lesion is in more than one split, e.g. isic:L1."]


def write_pairs(root, *pairs):
    lines = [f"{one},{other},sha256" for one, other in pairs]
    (root / PAIRS_FILE).write_text("\n".join(["image_id,other_id,cause", *lines]) + "\n")


def test_pairs_of_copies(table, tmp_path):
    write_pairs(tmp_path, ("ham10000:A", "isic2019:D"))
    assert leaks_of(table, tmp_path) == []
    write_pairs(tmp_path, ("ham10000:A", "ham10000:B"), ("ham10000:C", "isic2019:D"))
    assert leaks_of(table, tmp_path) == [
        "2 pairs of copies are in more than one split, e.g. ham10000:A and ham10000:B.",
        "1 pair of copies is in more than one fold, e.g. ham10000:A and ham10000:B.",
    ]


def test_pairs_that_do_not_fit(table, tmp_path):
    write_pairs(tmp_path, ("ham10000:A", "gone"))
    (misfit,) = leaks_of(table, tmp_path)
    assert "1 pairs of images that are not all in the catalogue" in misfit
    (tmp_path / PAIRS_FILE).write_text("one,other\na,b\n")
    (misfit,) = leaks_of(table, tmp_path)
    assert "cannot be read as pairs of copies" in misfit
