"""How far a source predicts the class, against values computed by hand."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from skinnet_keras.data.shortcuts import measure_shortcut, measure_shortcuts

# Two sources, two classes:   NV  MEL
#                     a        6    1
#                     b        2    3
VALUES = ["a"] * 7 + ["b"] * 5
LABELS = ["NV"] * 6 + ["MEL"] + ["NV"] * 2 + ["MEL"] * 3


def test_guess_from_two_sources():
    shortcut = measure_shortcut(VALUES, LABELS, [""] * 12)
    assert shortcut.values == 2
    assert shortcut.accuracy == pytest.approx((6 + 3) / 12)
    assert shortcut.balanced_accuracy == pytest.approx((6 / 8 + 3 / 4) / 2)
    # |phi| of a 2 x 2 table: |ad - bc| / sqrt(product of the margins)
    assert shortcut.cramers_v == pytest.approx((6 * 3 - 1 * 2) / (7 * 5 * 8 * 4) ** 0.5)
    assert shortcut.cross_validated_accuracy is None


def test_the_guess_for_balanced_accuracy_is_not_the_majority():
    # a: 8 NV, 2 MEL; b: 90 NV, 0 MEL. The most frequent class is NV everywhere, yet all of MEL
    # is in a: guessing MEL there has recall 1 of MEL and 90/98 of NV.
    values = ["a"] * 10 + ["b"] * 90
    labels = ["NV"] * 8 + ["MEL"] * 2 + ["NV"] * 90
    shortcut = measure_shortcut(values, labels, [""] * 100)
    assert shortcut.accuracy == pytest.approx(0.98)
    assert shortcut.balanced_accuracy == pytest.approx((1 + 90 / 98) / 2)


def test_a_value_of_its_own_for_every_image_does_not_survive_cross_validation():
    values = [str(row) for row in range(8)]
    labels = ["NV"] * 6 + ["MEL"] * 2
    shortcut = measure_shortcut(values, labels, list("01230101"))
    assert (shortcut.accuracy, shortcut.balanced_accuracy) == (1.0, 1.0)
    # Unseen values guess the most frequent class of the other folds, NV.
    assert shortcut.cross_validated_accuracy == pytest.approx(6 / 8)
    assert shortcut.cross_validated_balanced_accuracy == pytest.approx(0.5)


def test_cross_validation_leaves_out_images_without_a_fold():
    # In fold 0 and fold 1 the source decides the class; in test it is the other way round.
    values = ["a", "b", "a", "b", "a", "a", "a"]
    labels = ["NV", "MEL", "NV", "MEL", "MEL", "MEL", "MEL"]
    shortcut = measure_shortcut(values, labels, ["0", "0", "1", "1", "", "", ""])
    assert shortcut.cross_validated_accuracy == 1.0
    assert shortcut.accuracy == pytest.approx(5 / 7)


def test_one_source_says_nothing():
    shortcut = measure_shortcut(["a"] * 12, LABELS, [""] * 12)
    assert shortcut.accuracy == pytest.approx(8 / 12)
    assert shortcut.balanced_accuracy == pytest.approx(0.5)
    assert shortcut.cramers_v is None


def table_of(rows):
    columns = ["image_id", "source", "label", "duplicate_of", "fold"]
    return pd.DataFrame(rows, columns=columns)


@pytest.fixture
def table():
    """Ten AK are kept in `a`, nine of them copies of `b`'s; the rest are NV."""
    kept = [(f"a:{row}", "a", "AK", "", str(row % 2)) for row in range(10)]
    kept += [(f"a:{row}", "a", "NV", "", str(row % 2)) for row in range(10, 30)]
    kept += [("b:x", "b", "NV", "", "0"), ("b:y", "b", "", "", "")]
    copies = [(f"b:{row}", "b", "AK", f"a:{row}", "") for row in range(9)]
    return table_of(kept + copies)


def test_copies_count_for_the_source_that_holds_them(table):
    report = measure_shortcuts(table)
    assert report.images == 31
    assert report.classes["AK"].images == 10
    assert report.classes["AK"].shares == {"a": 1.0, "b": 0.9}
    assert report.classes["NV"].shares == {"a": 20 / 21, "b": 1 / 21}
    assert (report.majority_class, report.chance_accuracy) == ("NV", 21 / 31)
    assert report.chance_balanced_accuracy == 0.5
    # By the kept file alone all AK are in `a`, which nearly all of NV is in too.
    assert report.shortcuts["source"].accuracy == pytest.approx(21 / 31)
    # a+b is AK (9), a is NV (20 of 21), b is NV.
    assert report.shortcuts["holders"].values == 3
    assert report.shortcuts["holders"].accuracy == pytest.approx(30 / 31)
    assert list(report.shortcuts) == ["source", "holders"]


def test_a_class_of_one_source_is_named_unless_everything_is_there(table):
    # `a` holds 30 of 31 images: that it holds AK too says nothing.
    report = measure_shortcuts(table)
    assert report.one_source == {}
    assert len(report.warnings()) == 1
    rest = [(f"c:{row}", "c", "NV", "", "0") for row in range(30)]
    report = measure_shortcuts(pd.concat([table, table_of(rest)], ignore_index=True))
    assert report.one_source == {"AK": "a"}
    accuracy, named = report.warnings()
    assert "chance: 50.0 %" in accuracy
    assert named.startswith("Copies counted, a holds AK (100 %): ")


def test_image_size_is_a_shortcut_too(table):
    sizes = dict.fromkeys(table["image_id"], (600, 450))
    sizes |= {f"a:{row}": (224, 224) for row in range(10)}
    report = measure_shortcuts(table, sizes)
    assert report.shortcuts["image size"].accuracy == 1.0
    assert report.shortcuts["image size"].cross_validated_balanced_accuracy == 1.0
    json.dumps(report.to_dict(), allow_nan=False)


def test_nothing_labelled(table):
    assert measure_shortcuts(table.assign(label="")) is None


def test_one_source_has_no_warning(table):
    assert measure_shortcuts(table.assign(source="a")).warnings() == []


def test_metadata_and_what_is_missing_of_them():
    # Age and site are known of MEL alone; sex tells the two sources apart, not the classes.
    rows = [
        {"image_id": f"a:{i}", "label": "MEL" if i % 2 else "NV", "sex": ("female", "male")[i // 4]}
        for i in range(8)
    ]
    table = pd.DataFrame(rows).assign(source="a", duplicate_of="", fold="")
    melanoma = table["label"] == "MEL"
    table["age"] = melanoma.map({True: "55", False: ""})
    table["site"] = melanoma.map({True: "head/neck", False: ""})
    shortcuts = measure_shortcuts(table).shortcuts
    assert (shortcuts["metadata"].values, shortcuts["missing metadata"].values) == (4, 2)
    assert shortcuts["metadata"].balanced_accuracy == 1.0
    assert shortcuts["missing metadata"].balanced_accuracy == 1.0
    table["age"], table["site"] = "55", ""
    shortcuts = measure_shortcuts(table).shortcuts
    assert shortcuts["metadata"].balanced_accuracy == 0.5
    assert shortcuts["missing metadata"].values == 1
