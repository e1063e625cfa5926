from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.evaluation.segmentation.boundaries import boundary_f1, hausdorff_95
from skinnet_keras.evaluation.segmentation.overlap import (
    dice_per_image,
    iou_per_image,
    segmentation_scores,
)


def masks(*rows: list[int]) -> np.ndarray:
    """One 1x4 mask a row."""
    return np.array(rows, dtype=np.uint8)[:, None, :]


def test_by_hand():
    predicted = masks([1, 1, 0, 0], [0, 0, 0, 1])
    true = masks([0, 1, 1, 1], [0, 0, 0, 1])
    assert dice_per_image(predicted, true) == pytest.approx([2 * 1 / (2 + 3), 1.0])
    assert iou_per_image(predicted, true) == pytest.approx([1 / 4, 1.0])
    scores = segmentation_scores(predicted, true)
    assert scores == {
        "n": 2,
        "dice_per_image": pytest.approx(0.7),
        "iou_per_image": pytest.approx(0.625),
        "dice_pooled": pytest.approx(2 * 2 / (3 + 4)),
        "iou_pooled": pytest.approx(2 / 5),
    }


def test_two_empty_masks_agree_and_one_empty_mask_is_wrong():
    predicted = masks([0, 0, 0, 0], [0, 0, 0, 0], [1, 0, 0, 0])
    true = masks([0, 0, 0, 0], [1, 1, 0, 0], [0, 0, 0, 0])
    assert dice_per_image(predicted, true).tolist() == [1.0, 0.0, 0.0]
    assert iou_per_image(predicted, true).tolist() == [1.0, 0.0, 0.0]


def test_all_masks_empty_pools_to_one():
    empty = masks([0, 0, 0, 0])
    assert segmentation_scores(empty, empty)["dice_pooled"] == 1.0


def test_the_mean_over_images_and_the_pooled_value_differ():
    predicted = np.zeros((2, 10, 10), dtype=bool)
    true = np.zeros((2, 10, 10), dtype=bool)
    predicted[0], true[0] = True, True  # a large lesion, found
    true[1, 0, 0] = True  # a small one, missed
    scores = segmentation_scores(predicted, true)
    assert scores["dice_per_image"] == 0.5
    assert scores["dice_pooled"] == pytest.approx(200 / 201)


def test_scores_of_the_outlines_are_means_over_images_and_only_on_request():
    predicted = np.zeros((2, 30, 40), dtype=bool)
    true = np.zeros((2, 30, 40), dtype=bool)
    predicted[0, 5:15, 5:15] = True
    true[0, 5:15, 8:18] = True
    true[1, 0, 0] = True
    plain = segmentation_scores(predicted, true)
    scores = segmentation_scores(predicted, true, boundaries=True)
    distance, f1 = hausdorff_95(predicted, true), boundary_f1(predicted, true)
    assert distance.tolist() == [3.0, 50.0]
    assert 0 < f1[0] < 1
    assert scores == {**plain, "hausdorff_95": 26.5, "boundary_f1": f1[0] / 2}
    assert "hausdorff_95" not in plain


def test_no_images_is_undefined():
    none = np.zeros((0, 4, 4))
    assert segmentation_scores(none, none)["dice_per_image"] is None
    assert segmentation_scores(none, none, boundaries=True)["hausdorff_95"] is None


def test_shapes_must_be_equal_and_without_channels():
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        dice_per_image(np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        dice_per_image(np.zeros((1, 4, 4, 1)), np.zeros((1, 4, 4, 1)))
