"""Views by hand: image and mask move together, and what is predicted of a view comes back."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.data.views import DEFAULT_CROP, VIEW_SETS, View, view_set
from skinnet_keras.errors import UserError

NUMBERED = np.array([[[1, 2], [3, 4]]], np.uint8)


@pytest.mark.parametrize(
    ("view", "expected"),
    [
        (View(), [[1, 2], [3, 4]]),
        (View(mirrored=True), [[2, 1], [4, 3]]),
        (View(turns=1), [[2, 4], [1, 3]]),  # counter-clockwise: the right column is on top
        (View(turns=2), [[4, 3], [2, 1]]),
        (View(turns=1, mirrored=True), [[1, 3], [2, 4]]),  # mirror first, then turn
    ],
)
def test_mirror_and_turn_by_hand(view, expected):
    np.testing.assert_array_equal(view.of_masks(NUMBERED)[0], expected)
    colours = np.stack([NUMBERED, NUMBERED + 10, NUMBERED + 20], axis=-1)
    seen = view.of_images(colours)
    np.testing.assert_array_equal(seen[0, ..., 1], np.array(expected) + 10)
    back, shown = view.back(np.array([expected], float))
    np.testing.assert_array_equal(back, NUMBERED)
    assert shown.all()


def test_a_crop_by_hand():
    mask = np.array([[[0, 0, 1, 0], [0, 0, 1, 1], [1, 1, 1, 1], [0, 1, 0, 1]]], np.uint8)
    corner = View(crop=0.5, row=0.0, column=1.0)  # top right
    seen = corner.of_masks(mask)
    expected = [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 1], [1, 1, 1, 1]]
    np.testing.assert_array_equal(seen[0], expected)
    turned = View(crop=0.5, row=0.0, column=1.0, turns=1, mirrored=True).of_masks(mask)
    np.testing.assert_array_equal(turned[0], np.rot90(np.array(expected)[:, ::-1]))
    centre = View(crop=0.5).of_masks(mask)
    np.testing.assert_array_equal(centre[0], np.kron([[0, 1], [1, 1]], np.ones((2, 2))))

    back, shown = corner.back(seen.astype(float))
    assert shown.tolist() == [[False, False, True, True]] * 2 + [[False] * 4] * 2
    np.testing.assert_array_equal((back >= 0.5)[:, :2, 2:], mask[:, :2, 2:])
    assert not back[:, ~shown].any()


def test_crops_of_images_are_enlarged_as_the_canonical_preprocessing_does():
    images = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    seen = View(crop=0.75, row=1.0, column=0.0).of_images(images)
    for image, crop in zip(images, seen, strict=True):
        expected = Image.fromarray(image[4:, :12]).resize((16, 16), Image.Resampling.BILINEAR)
        np.testing.assert_array_equal(crop, np.asarray(expected))


ALL = [
    *view_set("dihedral"),
    *view_set("multi_crop", crop=0.5, mirror=True),
    View(turns=3, mirrored=True, crop=0.5, row=1.0, column=0.0),
]


@pytest.mark.parametrize("view", ALL)
def test_mask_and_image_move_together_and_the_inverse_brings_the_mask_back(view):
    y, x = np.mgrid[:32, :32]
    masks = np.stack([np.hypot(y - 12, x - 19) < 8, (y > 3 * x) | (x + y > 50)]).astype(np.uint8)
    pictures = np.repeat(masks[..., None] * np.uint8(255), 3, axis=-1)
    images, seen = view.of_images(pictures), view.of_masks(masks)
    assert images.shape == pictures.shape
    assert images.dtype == seen.dtype == np.uint8
    assert set(np.unique(seen)) <= {0, 1}
    # A picture that is its own mask stays it, but for the smooth edge of an enlarged crop.
    differing = (images[..., 0] >= 128) != seen
    assert differing.mean() <= (0.02 if view.crop < 1 else 0.0)
    back, shown = view.back(seen)
    assert back.dtype == np.float32
    assert shown.sum() == (32 * view.crop) ** 2
    np.testing.assert_array_equal((back >= 0.5)[:, shown], masks[:, shown] == 1)


@pytest.mark.parametrize(
    ("name", "options", "count"),
    [
        ("none", {}, 1),
        ("flips", {}, 4),
        ("dihedral", {}, 8),
        ("multi_crop", {}, 6),
        ("multi_crop", {"mirror": True, "crop": 0.6}, 12),
    ],
)
def test_sets_begin_with_the_image_and_hold_different_views(name, options, count):
    views = view_set(name, **options)
    image = np.random.default_rng(1).integers(0, 256, (1, 12, 12, 3)).astype(np.uint8)
    assert views[0] == View()
    assert len({view.of_images(image).tobytes() for view in views}) == len(views) == count
    if name == "multi_crop":
        assert {view.crop for view in views} == {1.0, options.get("crop", DEFAULT_CROP)}
        assert sum(view.mirrored for view in views) == count - 6


def test_the_crops_are_centre_and_corners():
    found = []
    for view in view_set("multi_crop", crop=0.5)[1:]:
        _, shown = view.back(np.zeros((1, 8, 8)))
        rows, columns = np.nonzero(shown)
        assert shown.sum() == 16
        found.append((int(rows.min()), int(columns.min())))
    assert found == [(2, 2), (0, 0), (0, 4), (4, 0), (4, 4)]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("many", {}, f"choose one of {', '.join(VIEW_SETS)}"),
        ("dihedral", {"crop": 0.5}, "belong to multi_crop, not to dihedral"),
        ("flips", {"mirror": True}, "belong to multi_crop, not to flips"),
        ("multi_crop", {"crop": 1.0}, "between 0 and 1"),
        ("multi_crop", {"crop": 0.0}, "between 0 and 1"),
        ("multi_crop", {"crop": float("nan")}, "between 0 and 1"),
    ],
)
def test_mistakes_are_user_errors(name, options, message):
    with pytest.raises(UserError, match=message):
        view_set(name, **options)


def test_a_crop_is_never_less_than_a_pixel():
    view = View(crop=0.01, row=1.0, column=1.0)
    np.testing.assert_array_equal(view.of_masks(NUMBERED)[0], [[4, 4], [4, 4]])
