"""The best copy is kept, completed from the others, and label conflicts follow the rule."""

from __future__ import annotations

import numpy as np
import pandas as pd
from PIL import Image

from layouts import picture, save_image
from skinnet_keras.data.copies import (
    CAUSES,
    SAME_VIEW,
    LabelConflict,
    count_pairs,
    find_copies,
    resolve_copies,
)
from skinnet_keras.data.fingerprints import fingerprint

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
    table, *_ = resolve({"source": "isic2019"}, small_with_mask, pixels=[9, 1])
    assert table["duplicate_of"].tolist() == ["isic2017:1", ""]
    table, *_ = resolve({"source": "isic2019", "age": "5"}, {"source": "isic2019"}, pixels=[1, 9])
    assert table["duplicate_of"].tolist() == ["isic2019:1", ""]
    table, *_ = resolve({"source": "isic2019"}, {"source": "isic2019", "age": "5"})
    assert table["duplicate_of"].tolist() == ["isic2019:1", ""]


def test_kept_row_is_completed_but_gets_no_foreign_mask():
    table, *_ = resolve(
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
    table, *_ = resolve(
        {"source": "isic2019", "lesion_id": ""},
        {"source": "synthetic", "lesion_id": "L", "site": "head/neck"},
        pixels=[9, 1],
    )
    assert table.loc[0, ["lesion_id", "site"]].tolist() == ["", "head/neck"]


def test_labels_in_the_order_of_trust():
    table, conflicts, _ = resolve(
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
    table, conflicts, _ = resolve(
        {"source": "isic2020"},
        {"source": "isic2017", "label": "NV", "diagnosis": "nevus"},
        pixels=[9, 1],
    )
    assert table.loc[0, ["label", "diagnosis", "duplicate_of"]].tolist() == ["NV", "nevus", ""]
    assert conflicts == []


def test_different_pictures_are_left_alone():
    table, conflicts, _ = resolve(
        {"source": "isic2019", "label": "NV"},
        {"source": "isic2019", "label": "MEL"},
        pictures=[0, 1],
    )
    assert table["duplicate_of"].tolist() == ["", ""]
    assert table["label"].tolist() == ["NV", "MEL"]
    assert conflicts == []


def prints_of(folder, **pictures):
    """Name -> pixels, saved in the format of the name's suffix after `__`."""
    prints = []
    for name, rgb in pictures.items():
        path = folder / name.replace("__", ".")
        save_image(path, rgb)
        prints.append(fingerprint(path))
    return prints


def rows_of(*image_ids):
    table = pd.DataFrame("", index=range(len(image_ids)), columns=[*COLUMNS, "stem"])
    table["image_id"] = image_ids
    table[["source", "stem"]] = [image_id.split(":") for image_id in image_ids]
    return table


def test_every_cause_and_the_strongest_for_each_pair(tmp_path):
    same = picture(0, 300, 225)
    smaller = np.asarray(Image.fromarray(same).resize((150, 150)))
    prints = prints_of(
        tmp_path,
        a__png=same,
        b__png=same,
        c__bmp=same,
        d__png=smaller,
        e__png=picture(1),
        f__png=picture(2),
    )
    table = rows_of(
        "isic2017:ISIC_1",
        "ham10000:ISIC_2",
        "isic2020:ISIC_3",
        "isic2019:ISIC_1_downsampled",
        "isic2019:ISIC_5",
        "ph2:ISIC_5",  # another provider's id
    )
    copies = find_copies(table, prints)
    causes = {
        (row.image_id[-1], row.other_id[-1] if row.source != "isic2019" else "d"): row.cause
        for row in copies.pairs.itertuples()
    }
    assert causes == {
        ("1", "2"): "same_bytes",
        ("1", "3"): "same_pixels",
        ("1", "d"): "same_id",
        ("2", "3"): "same_pixels",
        ("2", "d"): "same_picture",
        ("3", "d"): "same_picture",
    }
    assert copies.causes == {"same_id": 1, "same_bytes": 1, "same_pixels": 1, "same_picture": 0}
    assert copies.table["duplicate_of"].eq("").sum() == 3
    similarity = copies.pairs.set_index("cause")["similarity"]
    assert (similarity[["same_bytes", "same_pixels"]] == 1).all()
    assert similarity["same_picture"].between(0.8, 1).all()
    assert count_pairs(copies.pairs) == {
        "same_id": {"isic2017 + isic2019": 1},
        "same_bytes": {"ham10000 + isic2017": 1},
        "same_pixels": {"ham10000 + isic2020": 1, "isic2017 + isic2020": 1},
        "same_picture": {"ham10000 + isic2019": 1, "isic2019 + isic2020": 1},
        "same_view": {},
    }


def test_equal_ids_of_pictures_that_differ_have_no_similarity(tmp_path):
    prints = prints_of(tmp_path, a__png=picture(0), b__png=picture(1))
    copies = find_copies(rows_of("isic2017:ISIC_1", "ham10000:ISIC_1"), prints)
    assert copies.pairs["cause"].tolist() == ["same_id"]
    assert copies.pairs["similarity"].isna().all()


def test_flipped_copies_are_an_option(tmp_path):
    rgb = picture(0)
    prints = prints_of(tmp_path, a__png=rgb, b__png=np.ascontiguousarray(rgb[:, ::-1]))
    table = rows_of("isic2017:ISIC_1", "isic2017:ISIC_2")
    assert find_copies(table, prints).pairs.empty
    assert find_copies(table, prints, orientations=True).causes["same_picture"] == 1


def test_pictures_in_one_view_are_paired_but_both_kept(tmp_path):
    wide = picture(0, 600, 450)
    prints = prints_of(tmp_path, a__png=wide[:, :580], b__png=wide[:, 12:592])
    copies = find_copies(rows_of("isic2017:ISIC_1", "isic2017:ISIC_2"), prints)
    assert copies.pairs["cause"].tolist() == [SAME_VIEW]
    assert copies.pairs["similarity"].between(0.5, 1).all()
    assert copies.table["duplicate_of"].tolist() == ["", ""]
    assert set(copies.causes.values()) == {0}
    # With equal ids the same two are copies.
    copies = find_copies(rows_of("isic2017:ISIC_1", "ham10000:ISIC_1"), prints)
    assert copies.pairs["cause"].tolist() == ["same_id"]


def test_no_copies_at_all(tmp_path):
    copies = find_copies(rows_of("isic2017:ISIC_1"), prints_of(tmp_path, a__png=picture(0)))
    assert list(copies.pairs.columns) == [
        "image_id",
        "other_id",
        "source",
        "other_source",
        "cause",
        "similarity",
    ]
    assert count_pairs(copies.pairs) == {cause: {} for cause in (*CAUSES, SAME_VIEW)}
