"""Shades of gray divides out the light."""

from __future__ import annotations

import numpy as np
import pytest

from cleaning_pictures import skin
from skinnet_keras.data.cleaning.colour import shades_of_gray


def _light(rgb: np.ndarray, norm: float) -> np.ndarray:
    return ((rgb / 255.0) ** norm).mean(axis=(0, 1)) ** (1 / norm)


@pytest.mark.parametrize("norm", [1.0, 6.0])
def test_light_is_white_afterwards_and_as_strong_as_before(norm):
    rgb, _ = skin()
    balanced = shades_of_gray(rgb, norm=norm)
    light = _light(balanced, norm)
    np.testing.assert_allclose(light / light.mean(), 1, atol=0.005)
    np.testing.assert_allclose(np.linalg.norm(light), np.linalg.norm(_light(rgb, norm)), rtol=0.01)


def test_norms_by_hand():
    pixels = np.array([[[100, 50, 200], [200, 50, 100]]], np.uint8)
    # Means 150, 50, 150: gains (150^2 + 50^2 + 150^2)^(1/2) / 3^(1/2) / mean = 0.8389, 2.5166.
    expected = [[[84, 126, 168], [168, 126, 84]]]
    np.testing.assert_array_equal(shades_of_gray(pixels, norm=1), expected)


def test_known_cast_is_undone():
    rgb, _ = skin()
    cast = (rgb * (1.0, 0.8, 0.6)).round().astype(np.uint8)
    once, other = shades_of_gray(rgb).astype(float), shades_of_gray(cast).astype(float)
    ratio = other.mean(axis=(0, 1)) / once.mean(axis=(0, 1))
    np.testing.assert_allclose(ratio / ratio.mean(), 1, atol=0.01)


def test_black_frame_says_nothing_about_the_light():
    rgb, _ = skin()
    framed = np.pad(rgb, ((40, 40), (60, 60), (0, 0)))
    inner = shades_of_gray(framed)[40:-40, 60:-60]
    np.testing.assert_array_equal(inner, shades_of_gray(rgb))
    black = np.zeros((5, 5, 3), np.uint8)
    assert shades_of_gray(black) is black


def test_light_without_one_colour_is_left():
    red = np.zeros((5, 5, 3), np.uint8)
    red[..., 0] = 200
    assert shades_of_gray(red) is red
