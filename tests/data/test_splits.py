"""Groups stay whole, classes reach every split, and the seed decides everything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skinnet_keras.data.splits import (
    assign_groups,
    read_folds,
    read_splits,
    split_table,
    whole_groups,
)
from skinnet_keras.errors import UserError

SHARES = {"train": 0.70, "val": 0.15, "test": 0.15}


def population(seed=0, rows=3000):
    rng = np.random.default_rng(seed)
    labels = rng.choice(["NV", "MEL", "AK"], rows, p=[0.8, 0.18, 0.02])
    groups = [f"g{number}" for number in rng.integers(0, 1500, rows)]
    return groups, labels


def test_every_class_gets_its_share():
    groups, labels = population()
    part_of = assign_groups(groups, labels, SHARES, seed=0)
    parts = pd.Series([part_of[group] for group in groups])
    shares = pd.crosstab(pd.Series(labels), parts, normalize="index")
    for part, share in SHARES.items():
        assert (shares[part] - share).abs().max() < 0.03


def test_seed_decides():
    groups, labels = population()
    first = assign_groups(groups, labels, SHARES, seed=0)
    assert first == assign_groups(groups, labels, SHARES, seed=0)
    assert first != assign_groups(groups, labels, SHARES, seed=1)


@pytest.mark.parametrize("seed", range(5))
def test_a_class_of_three_groups_is_in_every_part(seed):
    groups = [f"n{number}" for number in range(100)] + ["a", "b", "c"]
    labels = ["NV"] * 100 + ["DF"] * 3
    part_of = assign_groups(groups, labels, SHARES, seed=seed)
    assert {part_of["a"], part_of["b"], part_of["c"]} == set(SHARES)


def test_a_large_group_goes_where_it_fits():
    groups = ["large"] * 60 + [f"s{number}" for number in range(40)]
    part_of = assign_groups(groups, ["NV"] * 100, SHARES, seed=0)
    parts = [part_of[group] for group in groups]
    assert part_of["large"] == "train"
    assert parts.count("test") == parts.count("val") == 15


def test_fixed_groups_stay_and_count():
    groups = [f"g{number}" for number in range(100)]
    fixed = {f"g{number}": "test" for number in range(15)}
    part_of = assign_groups(groups, ["NV"] * 100, SHARES, seed=0, fixed=fixed)
    assert {group for group, part in part_of.items() if part == "test"} == set(fixed)


def test_no_share_no_groups():
    part_of = assign_groups(
        [f"g{number}" for number in range(20)],
        ["NV"] * 20,
        {"train": 0.8, "val": 0.2, "test": 0.0},
        seed=0,
    )
    assert "test" not in part_of.values()


def test_a_group_that_touches_test_is_test():
    groups = ["a", "a", "b", "b", "c", "d"]
    splits = ["test", "train", "train", "val", "train", ""]
    assert whole_groups(groups, splits) == {"a": "test", "b": "val", "c": "train"}


def table_of(groups, labels):
    return pd.DataFrame(
        {
            "image_id": [f"s:{number}" for number in range(len(groups))],
            "group": groups,
            "label": labels,
            "duplicate_of": "",
            "official_split": "",
        }
    )


def test_split_table_leaves_out_copies_and_unlabelled():
    table = table_of(["a", "a", "b", "c", "d"], ["NV", "NV", "", "NV", "NV"])
    table.loc[1, "duplicate_of"] = "s:0"
    done = split_table(table, SHARES, 0, asked={})
    assert (done["split"] == "").tolist() == [False, True, True, False, False]
    assert set(done["split"]) == {"", "train", "val", "test"}


@pytest.mark.parametrize("folds", [2, 5, 7])
def test_folds_cover_train_and_val_only_and_keep_groups(folds):
    groups, labels = population(rows=600)
    done = split_table(table_of(groups, labels), SHARES, 0, asked={}, folds=folds)
    learned = done["split"].isin(("train", "val"))
    assert (done.loc[~learned, "fold"] == "").all()
    assert set(done.loc[learned, "fold"]) == {str(fold) for fold in range(folds)}
    assert done[learned].groupby("group")["fold"].nunique().max() == 1
    assert done.groupby("group")["split"].nunique().max() == 1


def test_the_order_of_the_rows_decides_nothing():
    table = table_of(*population(rows=600))
    done = split_table(table, SHARES, 0, asked={})
    shuffled = split_table(table.sample(frac=1, random_state=1), SHARES, 0, asked={})
    pd.testing.assert_frame_equal(shuffled.sort_index(), done)
    assert not split_table(table, SHARES, 1, asked={})["fold"].equals(done["fold"])


def test_one_fold_is_refused():
    with pytest.raises(UserError, match="1 folds are no cross-validation"):
        split_table(table_of(["a"], ["NV"]), SHARES, 0, asked={}, folds=1)


def test_asked_folds_are_kept_and_the_rest_fills_up():
    groups, labels = population(rows=600)
    table = table_of(groups, labels)
    first = split_table(table[:500], SHARES, 0, asked={})
    grown = split_table(
        table,
        SHARES,
        1,
        asked=dict(zip(first["image_id"], first["split"], strict=True)),
        asked_folds={
            own: fold for own, fold in zip(first["image_id"], first["fold"], strict=True) if fold
        },
    )
    # A group of the 500 that had no row in train or val is test as a whole: nothing moves.
    assert grown["split"][:500].equals(first["split"])
    assert grown["fold"][:500].equals(first["fold"])
    sizes = grown["fold"].value_counts()[list("01234")]
    assert sizes.max() - sizes.min() <= 5


def test_the_fold_most_rows_ask_for_wins_and_the_lowest_of_equals():
    table = table_of(["a", "a", "a", "b", "b"], ["NV"] * 5)
    asked_folds = {"s:0": "1", "s:1": "4", "s:2": "4", "s:3": "3", "s:4": "2"}
    asked = dict.fromkeys(table["image_id"], "train")
    done = split_table(table, SHARES, 0, asked=asked, asked_folds=asked_folds)
    assert done["fold"].tolist() == ["4", "4", "4", "2", "2"]


def test_an_asked_fold_must_exist():
    table = table_of(["a"], ["NV"])
    with pytest.raises(UserError, match="s:0 is asked into fold '5', but the folds are 0 to 4"):
        split_table(table, SHARES, 0, asked={}, asked_folds={"s:0": "5"})


def test_an_official_test_image_makes_its_group_test_though_it_is_a_copy():
    table = table_of(["a", "a", "b"], ["NV", "", "NV"])
    table["official_split"] = ["train", "test", "train"]
    table.loc[1, "duplicate_of"] = "s:0"
    done = split_table(table, SHARES, 0, asked={}, keep_official=True)
    assert done["split"].tolist() == ["test", "", "train"]


def test_own_split_goes_before_the_official_one():
    table = table_of(["a", "b", "c"], ["NV"] * 3)
    table["official_split"] = ["test", "test", "val"]
    done = split_table(table, SHARES, 0, asked={"s:1": "train"}, keep_official=True)
    assert done["split"].tolist() == ["test", "train", "val"]


def test_read_splits(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("image_id,split\na,train\nb,test\n")
    assert read_splits(path, ["a", "b", "c"]) == {"a": "train", "b": "test"}
    assert read_folds(path, ["a", "b", "c"]) == {}


def test_an_earlier_catalogue_is_a_fixed_split(tmp_path):
    table = table_of(*population(rows=300))
    table.loc[0, "label"] = ""
    done = split_table(table, SHARES, 0, asked={})
    path = tmp_path / "catalogue.csv"
    done.to_csv(path, index=False)
    # The row without a split need not be there any more.
    later = table[1:].sample(frac=1, random_state=0)
    ids = later["image_id"]
    again = split_table(
        later, SHARES, 9, asked=read_splits(path, ids), asked_folds=read_folds(path, ids)
    )
    pd.testing.assert_frame_equal(again.sort_index(), done[1:])


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,split\na,train\n", "no column image_id"),
        ("image_id,split\nz,train\n", "not in the catalogue, z"),
        ("image_id,split\na,dev\n", "split 'dev'"),
        ("image_id,split\na,train\na,test\n", "names a twice"),
        ("image_id,split,fold\na,train,x\n", "fold 'x'"),
        ("image_id,split,fold\na,train,01\n", "fold '01'"),
    ],
)
def test_bad_split_files(tmp_path, text, words):
    path = tmp_path / "splits.csv"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_splits(path, ["a"])


def test_missing_split_file(tmp_path):
    with pytest.raises(UserError, match=r"none\.csv cannot be read"):
        read_splits(tmp_path / "none.csv", ["a"])
