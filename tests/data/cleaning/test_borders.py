"""Frames and vignettes are cropped; pictures without a border and dark lesions at the edge stay."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cleaning_pictures import skin, vignette
from skinnet_keras.data.cleaning.borders import lit_box


@pytest.mark.parametrize("seed", range(4))
def test_picture_without_border_is_not_cropped(seed):
    rgb, _ = skin(seed=seed)
    assert lit_box(rgb) is None
    assert lit_box(rgb // 3) is None


def test_black_frame_is_cropped_to_within_two_pixels():
    rgb, _ = skin()
    framed = cv2.copyMakeBorder(rgb, 30, 20, 50, 10, cv2.BORDER_CONSTANT, value=(3, 3, 3))
    top, bottom, left, right = lit_box(framed)
    assert 30 <= top <= 34
    assert 326 <= bottom <= 330
    assert 50 <= left <= 54
    assert 446 <= right <= 450


@pytest.mark.parametrize("centre", [(0.5, 0.5), (0.46, 0.53)])
@pytest.mark.parametrize("radius", [0.47, 0.55, 0.6])
def test_vignette_is_cropped_to_a_lit_rectangle(radius, centre):
    rgb, _ = skin()
    height, width = rgb.shape[:2]
    top, bottom, left, right = lit_box(vignette(rgb, radius, centre))
    y, x = np.mgrid[top:bottom, left:right]
    distance = np.hypot(y - centre[1] * height, x - centre[0] * width)
    assert distance.max() <= radius * height + 1
    # No rectangle in a whole disc has more than 2 / pi of its area; this one has nearly that.
    lit = np.pi * (radius * height) ** 2
    assert (bottom - top) * (right - left) > 0.85 * 2 / np.pi * min(lit, height * width)


def test_vignette_of_a_squashed_picture():
    rgb, _ = skin()
    square = cv2.resize(vignette(rgb, 0.58), (224, 224), interpolation=cv2.INTER_AREA)
    top, bottom, left, right = lit_box(square)
    assert square[top:bottom, left:right].max(axis=2).min() > 60


def test_bright_line_along_the_edge_does_not_hide_a_vignette():
    dark = vignette(skin()[0], 0.55)
    dark[-1] = dark[:, -1] = 235
    assert lit_box(dark) is not None


def test_dark_lesions_at_the_edge_are_no_border():
    rgb, _ = skin()
    y, x = np.mgrid[: rgb.shape[0], : rgb.shape[1]]
    for middle in ((150, 0), (0, 0), (300, 200), (0, 399)):
        distance = np.hypot(y - middle[0], x - middle[1])
        black = rgb.copy()
        black[distance < 110] = (25, 18, 15)
        assert lit_box(black) is None
        two = black.copy()
        two[np.hypot(y - 300, x - 400) < 90] = (25, 18, 15)
        assert lit_box(two) is None


@pytest.mark.parametrize("value", [0, 10, 255])
def test_picture_of_one_colour_is_not_cropped(value):
    assert lit_box(np.full((60, 80, 3), value, np.uint8)) is None


def test_tiny_pictures_are_not_cropped():
    assert lit_box(np.zeros((2, 3, 3), np.uint8)) is None
