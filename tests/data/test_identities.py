"""What is known of lesions and patients, counted by hand."""

from __future__ import annotations

import pandas as pd

from skinnet_keras.data.identities import (
    drop_zero_ids,
    identity_notes,
    unknown_identities,
    wide_ids,
)


def table_of(rows):
    """Rows of source, lesion, patient and, by number, the image it is a copy of."""
    table = pd.DataFrame(
        [(*row, *[None] * (4 - len(row))) for row in rows],
        columns=["source", "lesion_id", "patient_id", "copy"],
    )
    table["image_id"] = [f"{source}:{row}" for row, source in enumerate(table["source"])]
    table["duplicate_of"] = [
        "" if pd.isna(row) else table["image_id"][int(row)] for row in table.pop("copy")
    ]
    return table


def test_every_source_of_which_something_is_not_known_is_named():
    table = table_of(
        [("ph2", "", "")] * 2
        + [("ham10000", "L1", ""), ("ham10000", "L2", "")]
        + [("isic2020", "", "P1"), ("isic2020", "L", "P2")]
        + [("isic2019", "", ""), ("isic2019", "L1", "")]
        + [("folder", "a", "p"), ("folder", "b", "")]
        + [("isic2017", "", "", 2)]  # a copy of ham10000's first image
    )
    assert unknown_identities(table) == [
        "ph2 has neither lesion nor patient ids",
        "ham10000 has no patient ids",
        "1 of 2 images of isic2019 have neither a lesion nor a patient id",
        "1 of 2 images of folder have no patient id",
        "isic2017 has no patient ids",
    ]
    [note] = identity_notes(table)
    assert note.startswith("Not known: ph2 has neither lesion nor patient ids; ham10000 has no")


def test_nothing_is_said_where_all_is_known():
    assert identity_notes(table_of([("folder", "a", "p"), ("folder", "b", "q")])) == []


def test_an_id_of_a_large_share_is_warned_of():
    rows = [("folder", f"L{row}", "X" if row < 6 else f"P{row}") for row in range(100)]
    [warning] = wide_ids(table_of(rows))
    assert warning.startswith("folder: the patient 'X' covers 6 of 100 images, which stay in one")
    # 6 of 120 are 5 %, and 5 images may be of one patient in any set.
    more = [("folder", f"L{row}", f"P{row}") for row in range(100, 120)]
    assert wide_ids(table_of(rows + more)) == []
    assert wide_ids(table_of(rows[:5])) == []


def test_zero_is_missing_where_it_stands_for_many_and_no_other_id_does():
    rows = [("folder", f"L{row}", "0" if row < 10 else f"{row}") for row in range(30)]
    table, [note] = drop_zero_ids(table_of(rows))
    assert (table["patient_id"] == "").sum() == 10
    assert note == "folder: the patient id '0' stands for 10 of 30 images and counts as missing."
    # A patient of that number among others with as many images stays.
    rows = [("folder", f"L{row}", f"{row % 3}") for row in range(30)]
    table, notes = drop_zero_ids(table_of(rows))
    assert (table["patient_id"] == "0").sum() == 10
    assert notes == []
    # Two lesions with the number 0, as others: an id.
    assert drop_zero_ids(table_of([("folder", "0", ""), ("folder", "0", "")]))[1] == []
    # Each source counts for itself, and 0.0 is 0.
    rows = [("ras", "0.0", "")] * 8 + [("folder", "0", "")] * 2
    table, [note] = drop_zero_ids(table_of(rows))
    assert table["lesion_id"].tolist() == [""] * 8 + ["0"] * 2
    assert note.startswith("ras: the lesion id '0.0' stands for 8 of 8 images")
