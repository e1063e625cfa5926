"""Folds scored one by one and pooled, against numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.evaluation.crossval import (
    crossval_report,
    crossval_table,
    pool_folds,
    segmentation_report,
    segmentation_table,
)
from skinnet_keras.evaluation.predictions import Predictions

CLASSES = ("MEL", "NV")


def fold(first: int, labels: str, predicted: str, groups=True) -> Predictions:
    """M and N stand for the two classes; images are numbered from `first`."""
    names = {"M": "MEL", "N": "NV"}
    ids = [f"a:{first + i}" for i in range(len(labels))]
    rows = np.array([[0.9, 0.1] if letter == "M" else [0.2, 0.8] for letter in predicted])
    return Predictions(ids, [names[x] for x in labels], rows, CLASSES, ids if groups else None)


def test_mean_spread_and_pooled_numbers():
    # Fold 0: recalls 1/2 and 1, balanced accuracy 3/4, 1 error of 4.
    # Fold 1: recalls 1 and 0, balanced accuracy 1/2, 2 errors of 4.
    folds = [fold(0, "MMNN", "MNNN"), fold(4, "MMNN", "MMMM")]
    report = crossval_report(folds, bootstrap=200, seed=0)
    assert [each["balanced_accuracy"] for each in report["folds"]] == [0.75, 0.5]
    assert report["mean"]["balanced_accuracy"] == 0.625
    assert report["std"]["balanced_accuracy"] == pytest.approx(np.sqrt(2 * 0.125**2))
    assert report["mean"]["errors_all"] == 1.5
    # Pooled: MEL 3 of 4, NV 2 of 4.
    pooled = report["out_of_fold"]
    assert (pooled["n"], pooled["errors_all"], pooled["balanced_accuracy"]) == (8, 3, 0.625)
    low, high = pooled["ci"]["balanced_accuracy"]
    assert low < 0.625 < high


def test_a_number_one_fold_leaves_undefined_has_no_mean():
    report = crossval_report([fold(0, "MM", "MN"), fold(2, "MN", "MN")], bootstrap=0, seed=0)
    assert report["folds"][0]["macro_auc"] is None
    assert report["mean"]["macro_auc"] is None
    assert report["std"]["macro_auc"] is None
    assert report["out_of_fold"]["macro_auc"] is not None


def test_pooling_keeps_groups_only_where_all_folds_have_them():
    first, second = fold(0, "MN", "MN"), fold(2, "MN", "MN", groups=False)
    assert pool_folds([first, fold(2, "MN", "MN")]).groups == ["a:0", "a:1", "a:2", "a:3"]
    assert pool_folds([first, second]).groups is None


def test_folds_that_overlap_or_differ_are_refused():
    with pytest.raises(UserError, match="a:1 is held out in two folds"):
        pool_folds([fold(0, "MN", "MN"), fold(1, "MN", "MN")])
    first, second = fold(0, "MN", "MN"), fold(2, "MN", "MN")
    other = Predictions(second.image_ids, second.labels, second.probabilities, ("NV", "MEL"))
    with pytest.raises(UserError, match="no folds of one cross-validation"):
        pool_folds([first, other])


def test_table_prints_counts_whole_and_their_means_with_a_decimal():
    report = crossval_report(
        [fold(0, "MMNN", "MNNN"), fold(4, "MMNN", "MMMM")], bootstrap=0, seed=0
    )
    rows = {row[0]: row[1:] for row in crossval_table(report, "x").rows}
    assert list(rows) == ["fold 0", "fold 1", "mean", "sd", "pooled"]
    assert [rows[name][0] for name in ("fold 0", "mean", "sd", "pooled")] == [
        "1",
        "1.5",
        "0.7",
        "3",
    ]
    assert rows["mean"][-1] == "0.6250"


def test_segmentation_scores():
    report = segmentation_report(
        [
            {"n": 10, "dice_per_image": 0.8, "loss": 0.5},
            {"n": 12, "dice_per_image": 0.9, "loss": 0.7},
        ]
    )
    assert report["mean"] == pytest.approx({"n": 11, "dice_per_image": 0.85, "loss": 0.6})
    assert report["std"]["dice_per_image"] == pytest.approx(0.1 / np.sqrt(2))
    table = segmentation_table(report, "net")
    assert table.headings == ("Fold", "Images", "dice_per_image", "loss")
    assert table.rows[2] == ("mean", "11", "0.8500", "0.6000")
    assert "Pooled" not in table.footnotes[0]
