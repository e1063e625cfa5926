"""The best copy is kept, completed from the others, and label conflicts follow the rule."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skinnet_keras.data.copies import LabelConflict, resolve_copies

COLUMNS = (
    "image_id",
    "source",
    "mask_path",
    "diagnosis",
    "label",
    "lesion_id",
    "patient_id",
    "age",
    "sex",
    "site",
)


def resolve(*rows, pixels=None, pictures=None):
    table = pd.DataFrame([{column: row.get(column, "") for column in COLUMNS} for row in rows])
    table["image_id"] = [f"{row['source']}:{number}" for number, row in enumerate(rows)]
    pictures = np.zeros(len(rows), dtype=int) if pictures is None else np.array(pictures)
    return resolve_copies(table, pictures, pixels or [1] * len(rows))


def test_mask_before_pixels_before_metadata():
    small_with_mask = {"source": "isic2017", "mask_path": "m.png"}
    table, _ = resolve({"source": "isic2019"}, small_with_mask, pixels=[9, 1])
    assert table["duplicate_of"].tolist() == ["isic2017:1", ""]
    table, _ = resolve({"source": "isic2019", "age": "5"}, {"source": "isic2019"}, pixels=[1, 9])
    assert table["duplicate_of"].tolist() == ["isic2019:1", ""]
    table, _ = resolve({"source": "isic2019"}, {"source": "isic2019", "age": "5"})
    assert table["duplicate_of"].tolist() == ["isic2019:1", ""]


def test_kept_row_is_completed_but_gets_no_foreign_mask():
    table, _ = resolve(
        {"source": "isic2017", "mask_path": "m.png", "age": "5", "label": "NV"},
        {"source": "isic2019", "age": "6", "sex": "male", "site": "head/neck", "lesion_id": "L"},
    )
    assert table.loc[0, ["age", "sex", "site", "lesion_id"]].tolist() == [
        "5",
        "male",
        "head/neck",
        "L",
    ]
    assert table["mask_path"].tolist() == ["m.png", ""]
    assert table.loc[1, "sex"] == "male"


def test_ids_of_another_provider_are_not_taken():
    table, _ = resolve(
        {"source": "isic2019", "lesion_id": ""},
        {"source": "synthetic", "lesion_id": "L", "site": "head/neck"},
        pixels=[9, 1],
    )
    assert table.loc[0, ["lesion_id", "site"]].tolist() == ["", "head/neck"]


def test_labels_in_the_order_of_trust():
    table, conflicts = resolve(
        {"source": "isic2017", "mask_path": "m.png", "label": "NV", "diagnosis": "nevus"},
        {"source": "isic2020", "label": "MEL", "diagnosis": "melanoma"},
        {"source": "isic2019", "label": "BKL", "diagnosis": "BKL"},
    )
    assert table.loc[0, ["label", "diagnosis"]].tolist() == ["BKL", "nevus"]
    assert table.loc[1:, "label"].tolist() == ["MEL", "BKL"]
    assert conflicts == [
        LabelConflict(
            "isic2017:0",
            {"isic2017:0": "NV", "isic2020:1": "MEL", "isic2019:2": "BKL"},
            "BKL",
        )
    ]


def test_unlabelled_copy_takes_label_and_diagnosis_without_a_conflict():
    table, conflicts = resolve(
        {"source": "isic2020"},
        {"source": "isic2017", "label": "NV", "diagnosis": "nevus"},
        pixels=[9, 1],
    )
    assert table.loc[0, ["label", "diagnosis", "duplicate_of"]].tolist() == ["NV", "nevus", ""]
    assert conflicts == []


def test_different_pictures_are_left_alone():
    table, conflicts = resolve(
        {"source": "isic2019", "label": "NV"},
        {"source": "isic2019", "label": "MEL"},
        pictures=[0, 1],
    )
    assert table["duplicate_of"].tolist() == ["", ""]
    assert table["label"].tolist() == ["NV", "MEL"]
    assert conflicts == []
