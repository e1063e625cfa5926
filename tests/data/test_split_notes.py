"""What is said of splits that were given, with counts by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from skinnet_keras.data.split_notes import (
    changed_split,
    empty_split_notes,
    official_notes,
    scarce_class_notes,
    unlabelled_notes,
)

SHARES = {"train": 0.7, "val": 0.15, "test": 0.15}


def table_of(*rows, columns=("official_split", "split", "label", "duplicate_of")):
    table = pd.DataFrame([(*row, *[""] * (len(columns) - len(row))) for row in rows])
    table.columns = list(columns)
    return table.assign(source="folder", image_id=[f"folder:{row}" for row in range(len(rows))])


def test_a_split_that_is_not_used_is_said_with_counts():
    table = table_of(("train", "train"), ("train", "test"), ("test", "train"), ("", "val"))
    [note] = official_notes(table, kept=False, asked={}, kept_copies={})
    assert note == (
        "folder: the split it gives (train 2, test 1) is not used, --keep-official-test keeps it; "
        "here these images are train 2, test 1."
    )
    assert (
        official_notes(table.assign(official_split=""), kept=False, asked={}, kept_copies={}) == []
    )


def test_a_split_that_is_changed_is_said_with_counts_and_reasons():
    table = table_of(
        ("train", "train", "NV"),
        ("train", "test", "NV"),
        ("train", "test", "NV"),
        ("val", "train", "NV"),
        ("val", "", "NV", "folder:0"),
        ("test", "", ""),
        ("test", "test", "NV"),
    )
    changed, whole = official_notes(
        table, kept=True, asked={"folder:3": "train"}, kept_copies={"folder": 1}
    )
    assert changed == (
        "folder: of the split it gives (train 3, val 2, test 2), 1 moved (val to train 1) as "
        "--splits or the catalogue that is updated asks; 2 moved (train to test 2) because their "
        "lesion, patient or a copy of them lies there; 1 in none as copies of kept images; 1 in "
        "none as unlabelled; now train 2, test 3, none 2."
    )
    assert whole == (
        "folder: 1 of the 2 images of its official test set are in test, 1 of them kept though "
        "they are copies."
    )


def test_a_split_that_is_kept_needs_no_word():
    table = table_of(("train", "train"), ("val", "val"))
    assert official_notes(table, kept=True, asked={}, kept_copies={}) == []
    assert changed_split("--splits", table, table["split"], {}) == []


def test_too_few_groups_is_said_only_where_it_is_the_reason():
    table = pd.DataFrame(
        [("NV", "a", "train"), ("NV", "b", "val"), ("NV", "c", "test")]
        + [("DF", "d", "train"), ("DF", "e", "val")]
        + [("AK", "f", "train"), ("AK", "g", "train"), ("AK", "h", "val")]
        + [("MEL", "i", "train")] * 3
        + [("MEL", "a", "train"), ("MEL", "b", "val"), ("", "k", "")],
        columns=["label", "group", "split"],
    ).assign(duplicate_of="")
    assert empty_split_notes(table, SHARES, {"f", "g", "h"}) == [
        "AK has no image in test: the splits that were given leave none there.",
        "DF has no image in test: it has too few groups (2).",
        "MEL has no image in test: its groups hold other images, too, and lie elsewhere (3 of its "
        "5 images are in the group i).",
    ]
    assert empty_split_notes(table, {"train": 0.8, "val": 0.2, "test": 0.0}, set()) == []


def test_diagnoses_too_wide_for_a_class_are_counted():
    words = ["benign", "benign", "malignant", "nevus", ""]
    table = pd.DataFrame({"diagnosis": words, "label": ["", "", "", "NV", ""], "source": "folder"})
    [note] = unlabelled_notes(table)
    assert note.startswith(
        "Unlabelled: 3 of 5 images of folder, as their diagnosis is too wide for a class "
        "('benign' 2, 'malignant' 1): "
    )


@pytest.mark.parametrize(
    ("labels", "sentences"),
    [
        (["MEL", "MEL"], ["All 2 labelled training images are MEL: a classifier has nothing"]),
        ([], ["No image to train on has a label"]),
        (
            ["MEL", "MEL", "NV"],
            [
                "No training image of BCC, AK, BKL, DF, VASC, SCC: a model trained here never",
                "One training image of NV: a model trained here knows that image, not the class.",
            ],
        ),
        (["MEL", "NV", "BCC", "AK", "BKL", "DF", "VASC", "SCC"] * 2, []),
    ],
)
def test_classes_that_cannot_be_learned(labels, sentences):
    table = pd.DataFrame({"label": [*labels, "DF"], "split": ["train"] * len(labels) + ["test"]})
    notes = scarce_class_notes(table)
    assert len(notes) == len(sentences)
    assert all(note.startswith(words) for note, words in zip(notes, sentences, strict=True))
