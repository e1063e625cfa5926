from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage
from scipy.spatial.distance import cdist
from skimage.metrics import hausdorff_distance

from skinnet_keras.evaluation.segmentation.boundaries import boundary_f1, hausdorff, hausdorff_95


def square(top: int, left: int, side: int, shape: tuple[int, int] = (40, 40)) -> np.ndarray:
    mask = np.zeros((1, *shape), dtype=bool)
    mask[:, top : top + side, left : left + side] = True
    return mask


def blobs(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    """Pairs of ragged masks, with holes, several parts and pixels at the image's border."""
    noise = np.random.default_rng(0).normal(size=(2, n, 30, 37))
    predicted, true = ndimage.gaussian_filter(noise, (0, 0, 2, 2)) > 0.03
    return predicted, true


def outline(mask: np.ndarray) -> np.ndarray:
    return mask & ~ndimage.binary_erosion(mask)


def directed_distances(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Every outline pixel's distance to the other outline, from all pairs of pixels."""
    pairs = cdist(np.argwhere(outline(one)), np.argwhere(outline(other)))
    return pairs.min(axis=1), pairs.min(axis=0)


def test_a_shifted_square_is_as_far_as_it_was_shifted():
    assert hausdorff(square(5, 5, 10), square(5, 8, 10)).tolist() == [3.0]
    assert hausdorff_95(square(5, 5, 10), square(5, 8, 10)).tolist() == [3.0]
    assert hausdorff(square(5, 5, 10), square(8, 9, 10)) == pytest.approx([5.0])


@pytest.mark.parametrize("percentile", [50, 95, 100])
def test_distances_equal_those_of_all_pairs_of_outline_pixels(percentile):
    predicted, true = blobs()
    expected = [
        max(np.percentile(directed, percentile) for directed in directed_distances(*pair))
        for pair in zip(predicted, true, strict=True)
    ]
    result = hausdorff(predicted, true, percentile=percentile)
    assert result.dtype == np.float64
    np.testing.assert_allclose(result, expected, rtol=1e-6)
    np.testing.assert_array_equal(hausdorff(true, predicted, percentile=percentile), result)
    if percentile == 95:
        np.testing.assert_array_equal(hausdorff_95(predicted, true), result)


def test_the_maximum_equals_scikit_image_s_on_the_outlines():
    predicted, true = blobs()
    expected = [
        hausdorff_distance(outline(one), outline(other))
        for one, other in zip(predicted, true, strict=True)
    ]
    np.testing.assert_allclose(hausdorff(predicted, true), expected, rtol=1e-6)


def test_the_percentile_is_taken_in_each_direction_and_not_over_both_together():
    true = np.zeros((1, 20, 110), dtype=bool)
    true[0, 2, 5:105] = True
    predicted = np.zeros_like(true)
    predicted[0, 2, 5:105:2] = True
    predicted[0, 12, 50:54] = True  # 4 of 54 pixels, but 4 of 154 of both outlines
    assert hausdorff_95(predicted, true).tolist() == [10.0]


def test_the_image_s_border_is_an_outline():
    whole = square(0, 0, 8, (8, 8))
    assert hausdorff(whole, square(2, 2, 4, (8, 8))) == pytest.approx([np.sqrt(8)])
    assert boundary_f1(whole, whole).tolist() == [1.0]


def test_a_hole_has_an_outline_of_its_own():
    ring = square(5, 5, 21)
    ring[0, 14:17, 14:17] = False
    assert hausdorff(ring, square(5, 5, 21)).tolist() == [8.0]


def test_the_size_of_the_image_around_the_masks_does_not_matter():
    predicted, true = blobs()
    margin = ((0, 0), (7, 20), (13, 4))
    np.testing.assert_array_equal(
        hausdorff_95(np.pad(predicted, margin), np.pad(true, margin)),
        hausdorff_95(predicted, true),
    )


def test_two_empty_masks_agree_and_one_empty_mask_is_as_wrong_as_can_be():
    empty, lesion = np.zeros((1, 30, 40)), square(3, 3, 5, (30, 40))
    predicted = np.concatenate([empty, empty, lesion, lesion])
    true = np.concatenate([empty, lesion, empty, lesion])
    assert hausdorff_95(predicted, true).tolist() == [0.0, 50.0, 50.0, 0.0]
    assert boundary_f1(predicted, true).tolist() == [1.0, 0.0, 0.0, 1.0]


@pytest.mark.parametrize("tolerance", [0, 1, 2.5, 4])
def test_boundary_f1_equals_that_of_outlines_widened_by_a_disk(tolerance):
    predicted, true = blobs()
    reach = np.hypot(*np.mgrid[-4:5, -4:5]) <= tolerance
    expected = []
    for one, other in zip(map(outline, predicted), map(outline, true), strict=True):
        precision = (one & ndimage.binary_dilation(other, reach)).sum() / one.sum()
        recall = (other & ndimage.binary_dilation(one, reach)).sum() / other.sum()
        expected.append(2 * precision * recall / (precision + recall))
    np.testing.assert_allclose(boundary_f1(predicted, true, tolerance), expected)


def test_boundary_f1_by_hand():
    # Outlines of 4 and 12 pixels that share a corner and its two neighbours; the next pixel
    # along either side and the fourth of the small square are one pixel away.
    small, large = square(5, 5, 2), square(5, 5, 4)
    assert boundary_f1(small, large, 0) == pytest.approx([2 * 3 / (4 + 12)])
    precision, recall = 4 / 4, 5 / 12
    expected = 2 * precision * recall / (precision + recall)
    assert boundary_f1(small, large, 1) == pytest.approx([expected])


def test_outlines_out_of_reach_score_zero():
    assert boundary_f1(square(2, 2, 4), square(30, 30, 4), 3).tolist() == [0.0]


@pytest.mark.parametrize(("shape", "reach"), [((128, 128), 2), ((384, 512), 6), ((450, 600), 6)])
def test_the_default_tolerance_is_a_share_of_the_diagonal(shape, reach):
    mask = square(20, 20, 40, shape)
    for shift, perfect in ((reach, True), (reach + 1, False)):
        score = boundary_f1(mask, square(20, 20 + shift, 40, shape))
        assert (score[0] == 1.0) == perfect


@pytest.mark.parametrize("score", [hausdorff_95, boundary_f1])
def test_masks_of_another_form(score):
    none = np.zeros((0, 4, 4))
    assert score(none, none).shape == (0,)
    integers = score(square(1, 1, 3).astype("uint8"), square(1, 2, 3).astype("uint8"))
    assert integers == score(square(1, 1, 3), square(1, 2, 3))
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        score(np.zeros((1, 4, 4)), np.zeros((1, 4, 5)))
    with pytest.raises(ValueError, match=r"\(N, H, W\)"):
        score(np.zeros((4, 4)), np.zeros((4, 4)))
