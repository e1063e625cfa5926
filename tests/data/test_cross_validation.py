"""A catalogue as one training of a cross-validation sees it."""

from __future__ import annotations

import pandas as pd
import pytest

from skinnet_keras.config import CrossValidationConfig
from skinnet_keras.data.catalogue import COLUMNS, Catalogue
from skinnet_keras.data.cross_validation import fold_view
from skinnet_keras.errors import UserError


def catalogue(root, *, own_folds=0) -> Catalogue:
    """60 images of two classes in 30 lesions, a test split, an unlabelled image and a copy."""
    rows = []
    for i in range(60):
        lesion = i // 2
        split = "test" if lesion % 10 == 9 else "val" if lesion % 10 == 8 else "train"
        fold = str(lesion % own_folds) if own_folds and split != "test" else ""
        rows.append((f"a:{i}", "MEL" if lesion % 3 else "NV", f"L{lesion}", split, fold, ""))
    rows.append(("a:unlabelled", "", "U", "", "", ""))
    rows.append(("a:copy", "NV", "L0", "", "", "a:0"))
    names = ["image_id", "label", "group", "split", "fold", "duplicate_of"]
    table = pd.DataFrame(rows, columns=names).reindex(columns=list(COLUMNS), fill_value="")
    return Catalogue(root, table, {"a": root})


def held_out(made: Catalogue, folds: int) -> list[pd.DataFrame]:
    return [
        fold_view(made, CrossValidationConfig(folds=folds, fold=fold)).usable(["test"])
        for fold in range(folds)
    ]


@pytest.mark.parametrize("own_folds", [0, 5])
def test_every_image_of_train_and_val_is_held_out_once(tmp_path, own_folds):
    made = catalogue(tmp_path, own_folds=own_folds)
    ids = [image_id for part in held_out(made, 3) for image_id in part["image_id"]]
    assert len(ids) == len(set(ids))
    assert set(ids) == set(made.usable(["train", "val"])["image_id"])


def test_groups_stay_whole_and_splits_apart(tmp_path):
    made = catalogue(tmp_path)
    for fold in range(3):
        view = fold_view(made, CrossValidationConfig(folds=3, fold=fold, val_share=0.25))
        used = view.table[view.table["split"] != ""]
        assert (used.groupby("group")["split"].nunique() == 1).all()
        assert set(used["label"]) == {"MEL", "NV"}
        for split in ("train", "val", "test"):
            assert set(view.usable([split])["label"]) == {"MEL", "NV"}
        assert len(view.usable(["val"])) / len(view.usable(["train", "val"])) == pytest.approx(
            0.25, abs=0.06
        )


def test_the_official_test_split_takes_no_part(tmp_path):
    made = catalogue(tmp_path)
    tested = set(made.usable(["test"])["image_id"])
    view = fold_view(made, CrossValidationConfig(folds=2, fold=1))
    assert not tested & set(view.usable(["train", "val", "test"])["image_id"])
    assert (view.table.set_index("image_id").loc[["a:unlabelled", "a:copy"], "split"] == "").all()


def test_the_catalogues_own_folds_are_used_where_they_are_as_many(tmp_path):
    made = catalogue(tmp_path, own_folds=5)
    own = made.table.set_index("image_id")["fold"]
    for fold, part in enumerate(held_out(made, 5)):
        assert set(own[part["image_id"]]) == {str(fold)}


def test_the_view_shares_the_cache_and_leaves_the_catalogue_alone(tmp_path):
    made = catalogue(tmp_path)
    before = made.table.copy()
    view = fold_view(made, CrossValidationConfig(folds=2, fold=0))
    assert view.sha256() == made.sha256()
    assert not view.table.equals(made.table)
    pd.testing.assert_frame_equal(made.table, before)


def test_too_many_folds(tmp_path):
    made = catalogue(tmp_path)
    with pytest.raises(UserError, match="too few groups for 40 folds"):
        fold_view(made, CrossValidationConfig(folds=40, fold=0))


def test_too_small_a_share(tmp_path):
    made = catalogue(tmp_path)
    few = made.table.drop_duplicates(["label", "split"])
    few = Catalogue(tmp_path, few.assign(label="NV").iloc[:4].reset_index(drop=True), {})
    with pytest.raises(UserError, match=r"val_share of 0\.01 leaves no validation image"):
        fold_view(few, CrossValidationConfig(folds=2, fold=0, val_share=0.01))


def test_a_fold_that_does_not_exist():
    with pytest.raises(ValueError, match="fold 3 is not one of 0 to 2"):
        CrossValidationConfig(folds=3, fold=3)
