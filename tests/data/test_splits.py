"""Groups stay whole, classes reach every split, and the seed decides everything."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skinnet_keras.data.splits import assign_groups, read_splits, split_table, whole_groups
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


def test_folds_cover_train_and_val_only_and_keep_groups():
    groups, labels = population(rows=600)
    done = split_table(table_of(groups, labels), SHARES, 0, asked={})
    learned = done["split"].isin(("train", "val"))
    assert (done.loc[learned, "fold"] != "").all()
    assert (done.loc[~learned, "fold"] == "").all()
    assert set(done.loc[learned, "fold"]) == set("01234")
    assert done[learned].groupby("group")["fold"].nunique().max() == 1
    assert done.groupby("group")["split"].nunique().max() == 1


def test_own_split_goes_before_the_official_one():
    table = table_of(["a", "b", "c"], ["NV"] * 3)
    table["official_split"] = ["test", "test", "val"]
    done = split_table(table, SHARES, 0, asked={"s:1": "train"}, keep_official=True)
    assert done["split"].tolist() == ["test", "train", "val"]


def test_read_splits(tmp_path):
    path = tmp_path / "splits.csv"
    path.write_text("image_id,split\na,train\nb,test\n")
    assert read_splits(path, ["a", "b", "c"]) == {"a": "train", "b": "test"}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,split\na,train\n", "no column image_id"),
        ("image_id,split\nz,train\n", "not in the catalogue, z"),
        ("image_id,split\na,dev\n", "split 'dev'"),
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
