"""Rows of several sources become one table with labels and harmonised metadata."""

from __future__ import annotations

import pytest

from skinnet_keras.data.assembly import assemble
from skinnet_keras.data.sources import SourceRow, SourceTable
from skinnet_keras.errors import UserError


def source(name, *rows, **fields):
    return {name: SourceTable(name, [SourceRow(path="x.jpg", **row) for row in rows], **fields)}


def test_words_are_harmonised_and_labelled():
    table = assemble(
        source(
            "ham10000",
            {"stem": "a", "diagnosis": "nv", "age": "45.0", "sex": "male", "site": "back"},
            {"stem": "b"},
        )
    )
    assert table["image_id"].tolist() == ["ham10000:a", "ham10000:b"]
    assert table.loc[0, ["label", "age", "sex", "site"]].tolist() == [
        "NV",
        "45",
        "male",
        "posterior torso",
    ]
    assert table.loc[1, ["label", "age", "sex", "site"]].tolist() == [""] * 4


def test_akiec_takes_the_label_of_isic2019():
    ham = source("ham10000", *({"stem": s, "diagnosis": "akiec"} for s in ("a", "b", "c")))
    isic = source("isic2019", diagnoses={"a": "SCC", "b": ""})
    assert assemble(ham)["label"].tolist() == ["AK", "AK", "AK"]
    joined = assemble({**ham, **isic})
    assert joined["label"].tolist() == ["SCC", "AK", "AK"]
    assert joined["diagnosis"].tolist() == ["akiec"] * 3
    isic2018 = source("isic2018", {"stem": "a", "diagnosis": "AKIEC"})
    assert assemble({**isic2018, **isic})["label"].tolist() == ["SCC"]


def test_other_diagnoses_keep_their_own_label():
    ham = source("ham10000", {"stem": "a", "diagnosis": "nv"})
    assert assemble({**ham, **source("isic2019", diagnoses={"a": "MEL"})})["label"][0] == "NV"


def test_unknown_diagnoses_are_all_named_or_become_unk():
    rows = source("isic2020", *({"stem": s, "diagnosis": s} for s in ("corn", "wart", "nevus")))
    with pytest.raises(UserError, match=r"\(isic2020: 'corn', 'wart'\)"):
        assemble(rows)
    assert assemble(rows, unknown="UNK")["label"].tolist() == ["UNK", "UNK", "NV"]
    with pytest.raises(UserError, match="not as 'NV'"):
        assemble(rows, unknown="NV")


def test_impossible_metadata_names_the_image():
    with pytest.raises(UserError, match="isic2020:a: The age '200'"):
        assemble(source("isic2020", {"stem": "a", "age": "200"}))


def test_an_image_listed_twice():
    with pytest.raises(UserError, match="isic2020:a is listed twice"):
        assemble(source("isic2020", {"stem": "a"}, {"stem": "a"}))
