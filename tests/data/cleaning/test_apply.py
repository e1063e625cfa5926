"""The steps together: order, masks, determinism, and that nothing off the marks changes."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cleaning_pictures import draw, hairs, skin, vignette
from skinnet_keras.config import CleaningConfig
from skinnet_keras.data.catalogue import Catalogue
from skinnet_keras.data.cleaning import clean
from skinnet_keras.data.cleaning.figure import draw_cleaning
from skinnet_keras.data.cleaning.inpainting import fill
from skinnet_keras.data.image_io import read_image
from tiny_run import make_catalogue

EVERYTHING = CleaningConfig(borders=True, hair=True, rulers_and_ink=True, colour_constancy=True)
SHAPE_ONLY = EVERYTHING.model_copy(update={"colour_constancy": False})


@pytest.mark.parametrize("cleaning", [None, CleaningConfig()])
def test_off_returns_the_same_objects(cleaning):
    rgb, mask = skin()
    image, same = clean(rgb, mask, cleaning)
    assert image is rgb
    assert same is mask


@pytest.mark.parametrize("seed", range(3))
def test_clean_skin_is_unchanged_bit_for_bit(seed):
    rgb, mask = skin(seed=seed)
    before = rgb.copy()
    image, same = clean(rgb, mask, SHAPE_ONLY)
    np.testing.assert_array_equal(image, before)
    np.testing.assert_array_equal(same, mask)


def test_hairs_are_filled_with_what_lies_under_them():
    bare, _ = skin()
    rgb, truth = hairs(bare)
    before = rgb.copy()
    image, _ = clean(rgb, None, CleaningConfig(hair=True))
    np.testing.assert_array_equal(rgb, before)
    change = np.abs(rgb.astype(int) - bare).max(axis=2)
    left = np.abs(image.astype(int) - bare).max(axis=2)
    assert left[truth].mean() < 0.2 * change[truth].mean()
    far = cv2.dilate(truth.astype(np.uint8), np.ones((9, 9), np.uint8)) == 0
    assert (image[far] != rgb[far]).any(axis=-1).mean() < 0.005


@pytest.mark.parametrize("scale", [1, 0.5])
def test_mask_is_cropped_with_the_image(scale):
    rgb, _ = skin()
    # The mask is told from the picture: whatever is saturated green.
    rgb[120:180, 150:260] = (0, 255, 0)
    dark = vignette(rgb, 0.55)
    mask = (dark == (4, 255, 4)).all(axis=2).astype(np.uint8)
    small = cv2.resize(mask, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    image, cropped = clean(dark, small, CleaningConfig(borders=True))
    assert image.shape[0] < rgb.shape[0]
    assert image.shape[1] < rgb.shape[1]
    np.testing.assert_allclose(np.array(image.shape[:2]) * scale, cropped.shape, atol=1)
    expected = (image == (4, 255, 4)).all(axis=2).astype(np.uint8)
    enlarged = cv2.resize(cropped, image.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    assert (enlarged != expected).mean() < (0.01 if scale < 1 else 1e-9)
    without, none = clean(dark, None, CleaningConfig(borders=True))
    np.testing.assert_array_equal(without, image)
    assert none is None


def test_a_mask_decides_nothing():
    rgb, _ = draw(skin()[0], [np.array([[30.0, 40], [80, 60], [60, 90]])], 9, (95, 50, 140))
    lesion = np.zeros(rgb.shape[:2], np.uint8)
    lesion[30:100, 20:95] = 1
    ink = CleaningConfig(rulers_and_ink=True)
    without = clean(rgb, None, ink)[0]
    assert (without != rgb).any()
    np.testing.assert_array_equal(clean(rgb, lesion, ink)[0], without)


def test_equal_input_gives_equal_output():
    rgb = vignette(hairs(skin()[0])[0], 0.58)
    first, _ = clean(rgb, None, EVERYTHING)
    second, _ = clean(rgb.copy(), None, EVERYTHING)
    np.testing.assert_array_equal(first, second)
    assert first.dtype == np.uint8
    assert first.flags.c_contiguous


@pytest.mark.parametrize("shape", [(1, 1), (3, 40), (40, 41)])
@pytest.mark.parametrize("value", [0, 255])
def test_tiny_and_empty_pictures_pass(shape, value):
    image, _ = clean(np.full((*shape, 3), value, np.uint8), None, EVERYTHING)
    assert image.shape == (*shape, 3)


def test_fill_of_a_large_image_goes_by_a_small_copy_and_leaves_the_rest():
    rgb = np.full((1500, 2200, 3), 100, np.uint8)
    rgb[:, 1100:] = 140
    hole = np.zeros((150, 220), bool)
    hole[70:80, 20:60] = True
    spoilt = rgb.copy()
    spoilt[705:795, 205:595] = 0
    np.testing.assert_array_equal(fill(spoilt, hole), rgb)
    everywhere = np.ones((4, 4), bool)
    assert fill(rgb, everywhere) is rgb


def test_figure_shows_every_step(tmp_path):
    catalogue = make_catalogue(tmp_path / "data")
    draw_cleaning(catalogue, tmp_path / "all.png", count=2)
    draw_cleaning(catalogue, tmp_path / "one.png", cleaning=CleaningConfig(hair=True), count=2)
    wide, narrow = (read_image(tmp_path / name).shape for name in ("all.png", "one.png"))
    assert wide[1] == 3 * narrow[1]  # original, four steps and all of them; original and hair
    assert wide[0] == narrow[0]
    again = tmp_path / "again.png"
    draw_cleaning(Catalogue.load(tmp_path / "data"), again, count=2)
    np.testing.assert_array_equal(read_image(again), read_image(tmp_path / "all.png"))
