"""The metadata vector by hand, and the words of all sources."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skinnet_keras.data.metadata import (
    METADATA_DIM,
    SITES,
    MetadataEncoder,
    harmonise_age,
    harmonise_sex,
    harmonise_site,
)
from skinnet_keras.errors import UserError

ENCODER = MetadataEncoder()


def test_everything_known():
    vector = ENCODER.encode(45, "female", "head/neck")
    expected = [0.45, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]
    assert vector.dtype == np.float32
    np.testing.assert_allclose(vector, expected)


@pytest.mark.parametrize("missing", [None, "", "unknown"])
def test_everything_missing(missing):
    vector = ENCODER.encode(None, missing, missing)
    np.testing.assert_array_equal(vector, [0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 1])


def test_age_zero_is_not_missing_and_old_age_is_clipped():
    assert ENCODER.encode(0, None, None)[:2].tolist() == [0, 0]
    assert ENCODER.encode(110, None, None)[:2].tolist() == [1, 0]


def test_table_takes_text_numbers_and_missing():
    table = pd.DataFrame(
        {"age": ["55", "", np.nan], "sex": ["male", "", None], "site": [SITES[7], np.nan, ""]}
    )
    encoded = ENCODER.encode_table(table)
    assert encoded.dtype == np.float32
    np.testing.assert_array_equal(encoded[0], ENCODER.encode(55, "male", "upper extremity"))
    np.testing.assert_array_equal(encoded[1:], [ENCODER.encode(None, None, None)] * 2)


def test_empty_table():
    assert ENCODER.encode_table(pd.DataFrame(columns=["age", "sex", "site"])).shape == (0, 14)


def test_layout_names_every_float():
    layout = ENCODER.layout()
    assert len(layout) == METADATA_DIM == 14
    assert [entry["name"] for entry in layout[:5]] == [
        "age",
        "age_missing",
        "female",
        "male",
        "sex_missing",
    ]
    assert [entry["name"] for entry in layout[5:13]] == sorted(SITES)
    assert layout[13]["name"] == "site_missing"


@pytest.mark.parametrize("age", [-1, 121, "old", float("inf")])
def test_impossible_age(age):
    with pytest.raises(UserError, match="between 0 and 120"):
        ENCODER.encode(age, None, None)


def test_unknown_words_list_the_valid_ones():
    with pytest.raises(UserError, match=r"site 'knee'.*lower extremity"):
        ENCODER.encode(None, None, "knee")
    with pytest.raises(UserError, match=r"sex 'f'.*female, male"):
        ENCODER.encode(None, "f", None)


@pytest.mark.parametrize(
    ("word", "site"),
    [
        ("abdomen", "anterior torso"),
        ("chest", "anterior torso"),
        ("back", "posterior torso"),
        ("face", "head/neck"),
        ("scalp", "head/neck"),
        ("ear", "head/neck"),
        ("neck", "head/neck"),
        ("foot", "lower extremity"),
        ("hand", "upper extremity"),
        ("acral", "palms/soles"),
        ("genital", "oral/genital"),
        ("buttocks", "posterior torso"),
        ("genital areas", "oral/genital"),
        ("head neck", "head/neck"),
        ("lower limbs", "lower extremity"),
        ("upper limbs", "upper extremity"),
        ("Lower Extremity", "lower extremity"),
        ("trunk", ""),
        ("torso", ""),
        ("unknown", ""),
    ],
)
def test_sites_of_the_sources(word, site):
    assert harmonise_site(word) == site


@pytest.mark.parametrize(("text", "age"), [("55.0", "55"), ("55", "55"), ("", ""), ("unknown", "")])
def test_ages_of_the_sources(text, age):
    assert harmonise_age(text) == age


def test_unknown_site_and_sex_of_a_source():
    with pytest.raises(UserError, match="'moon'"):
        harmonise_site("moon")
    assert harmonise_sex("Male") == "male"
    with pytest.raises(UserError, match="'m'"):
        harmonise_sex("m")
