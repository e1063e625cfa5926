"""Folds are stratified, whole and independent of the row order; too few groups are no error."""

from __future__ import annotations

import warnings

import pandas as pd
import pytest

from skinnet_keras.data.folds import assign_folds, fold_names, fold_notes, whole_folds


def counts_of(groups, labels, fold_of):
    return pd.crosstab(pd.Series(labels), [fold_of[group] for group in groups])


def test_every_fold_gets_its_share_of_every_class():
    # Lesions of two images each: 50 of NV, 10 of MEL, 5 of DF.
    labels = ["NV"] * 100 + ["MEL"] * 20 + ["DF"] * 10
    groups = [f"g{row // 2}" for row in range(len(labels))]
    counts = counts_of(groups, labels, assign_folds(groups, labels, 5, seed=0))
    assert counts.columns.tolist() == list("01234")
    assert (counts.loc["NV"] == 20).all()
    assert (counts.loc["MEL"] == 4).all()
    assert (counts.loc["DF"] == 2).all()


def test_seed_decides_and_order_does_not():
    groups = [f"g{row // 2}" for row in range(200)]
    labels = ["MEL" if row % 10 < 2 else "NV" for row in range(200)]
    first = assign_folds(groups, labels, 5, seed=0)
    assert assign_folds(groups[::-1], labels[::-1], 5, seed=0) == first
    assert assign_folds(groups, labels, 5, seed=1) != first


def test_a_class_of_few_images_does_not_warn():
    groups = [f"g{row}" for row in range(52)]
    labels = ["NV"] * 50 + ["DF"] * 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fold_of = assign_folds(groups, labels, 5, seed=0)
    assert fold_of["g50"] != fold_of["g51"]


@pytest.mark.parametrize(
    ("groups", "labels", "folds"),
    [
        (["a", "a", "b", "c"], ["NV"] * 4, {"0", "1", "2"}),
        (["a", "b", "c"], ["NV", "MEL", "DF"], {"0"}),
        (["a", "a", "a", "a", "a", "a"], ["NV"] * 6, {"0"}),
        ([], [], set()),
    ],
)
def test_too_few_groups_give_fewer_folds(groups, labels, folds):
    assert set(assign_folds(groups, labels, 5, seed=0).values()) == folds


def test_fold_names_are_in_numerical_order():
    assert fold_names(pd.DataFrame({"fold": ["10", "", "2", "0", "2"]})) == ["0", "2", "10"]


def test_whole_folds():
    groups = ["a", "a", "a", "b", "b", "c"]
    assert whole_folds(groups, ["10", "10", "2", "10", "2", ""]) == {"a": "10", "b": "2"}
    assert whole_folds(groups, [""] * 6) == {}


def test_notes():
    table = pd.DataFrame({"label": ["NV", "NV", "DF", "NV"], "fold": ["0", "1", "1", ""]})
    table["group"] = ["a", "b", "c", "d"]
    few, absent = fold_notes(table, 5)
    assert few.startswith("There are 2 folds, not 5")
    assert absent == "DF is in 1 of the 2 folds: it has too few groups."
    assert fold_notes(table[:2], 2) == []
    assert fold_notes(table[3:], 5) == []


def test_too_few_groups_is_said_only_where_it_is_the_reason():
    rows = [("NV", "a", "0"), ("NV", "b", "1"), ("DF", "c", "1"), ("DF", "d", "1")]
    [note] = fold_notes(pd.DataFrame(rows, columns=["label", "group", "fold"]), 2)
    assert note.startswith("DF is in 1 of the 2 folds: its groups hold other images")
