from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.subgroups.attributes import (
    ImageRows,
    available_attributes,
    divide,
    join_rows,
)


def make_rows(**columns) -> pd.DataFrame:
    n = len(next(iter(columns.values())))
    table = pd.DataFrame({name: [""] * n for name in COLUMNS})
    table["image_id"] = [f"made:{row}" for row in range(n)]
    return table.assign(**columns)


def values_of(name: str, rows: ImageRows) -> list[str]:
    attribute = divide(name, rows)
    return [attribute.subgroups[code] for code in attribute.codes]


def test_unknown_values_are_a_subgroup_of_their_own_and_come_last():
    table = make_rows(sex=["male", "", "female", "male"])
    attribute = divide("sex", ImageRows(table))
    assert attribute.subgroups == ("female", "male", "not recorded")
    assert attribute.codes.tolist() == [1, 2, 0, 1]


def test_age_bands_begin_at_their_first_year():
    ages = ["0", "29", "29.5", "30", "69", "70", "95", ""]
    assert values_of("age", ImageRows(make_rows(age=ages))) == [
        *("0-29", "0-29", "0-29", "30-39", "60-69"),
        *("70 and over", "70 and over", "not recorded"),
    ]


def test_size_bands_are_by_the_longer_side_and_unread_files_stand_apart():
    sizes = {"made:0": (256, 200), "made:1": (200, 257), "made:2": (600, 450), "made:3": (9000, 1)}
    rows = ImageRows(make_rows(sex=[""] * 5), sizes)
    assert values_of("size", rows) == [
        *("up to 256 px", "257-512 px", "513-1024 px", "over 2048 px", "file not read"),
    ]


def test_metadata_counts_what_is_missing():
    table = make_rows(age=["50", "50", ""], sex=["male", "", ""], site=["head/neck", "", ""])
    assert values_of("metadata", ImageRows(table)) == ["complete", "partly missing", "all missing"]


def test_masks_are_those_of_the_run_where_they_are_known():
    table = make_rows(mask_origin=["ground_truth", ""])
    assert values_of("mask", ImageRows(table)) == ["reference mask", "no reference mask"]
    rows = ImageRows(table, mask_origins={"made:0": "predicted:a/unet"})
    assert values_of("mask", rows) == ["predicted:a/unet", "not recorded"]


def test_what_is_not_recorded_is_not_offered_and_refused_when_asked_for():
    rows = ImageRows(make_rows(sex=["male"]))
    assert available_attributes(rows) == ("sex", "age", "site", "source", "metadata", "mask")
    with pytest.raises(UserError, match="no source of the catalogue records the skin type"):
        divide("skin_type", rows)
    with pytest.raises(UserError, match="no attribute 'colour': choose from sex, age"):
        divide("colour", rows)
    with_types = ImageRows(make_rows(skin_type=["5", "", "1"]))
    attribute = divide("skin_type", with_types)
    assert attribute.subgroups == ("type 1", "type 5", "not recorded")
    assert attribute.codes.tolist() == [1, 2, 0]


def test_rows_are_joined_in_the_order_of_the_predictions():
    catalogue = Catalogue(Path("somewhere"), make_rows(sex=["male", "female", ""]), {})
    joined = join_rows(["made:2", "made:0"], catalogue, Path("p.csv"))
    assert joined["sex"].tolist() == ["", "male"]
    assert np.array_equal(joined.index, [0, 1])
    with pytest.raises(UserError) as caught:
        join_rows(["made:2", "x", "y"], catalogue, Path("p.csv"))
    assert str(caught.value) == (
        "p.csv: 2 of 3 images are not in the catalogue somewhere, the first is 'x': give the "
        "catalogue they are of with --data."
    )
