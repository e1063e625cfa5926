"""Features of pictures whose histograms can be counted by hand."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.classical.features import colour_histogram, hog_features, lbp_histogram


def uniform(colour, size=32):
    return np.full((size, size, 3), colour, np.uint8)


def noise(size=48, seed=0):
    return np.random.default_rng(seed).integers(0, 256, (size, size, 3), dtype=np.uint8)


def vertical_edge(size=48):
    image = uniform(0, size)
    image[:, size // 2 :] = 200
    return image


def cells(features, orientations=9, count=6, block=2):
    side = count - block + 1
    return features.reshape(side, side, block, block, orientations)


def test_hog_of_edges_lies_in_the_bin_of_their_direction():
    # The gradient of a vertical edge points along x: bin 0 of 0..180 degrees in 9 bins.
    vertical = cells(hog_features(vertical_edge()))
    assert vertical[..., 0].sum() > 0
    np.testing.assert_allclose(vertical[..., 1:], 0, atol=1e-7)
    # That of a horizontal edge points along y: 90 degrees lie in the bin 80..100.
    horizontal = cells(hog_features(vertical_edge().transpose(1, 0, 2)))
    assert horizontal[..., 4].sum() == pytest.approx(vertical[..., 0].sum(), rel=1e-5)
    np.testing.assert_allclose(np.delete(horizontal, 4, axis=-1), 0, atol=1e-7)
    # Cells away from the edge see nothing.
    assert vertical[:, 0].max() == 0


def test_hog_has_the_documented_length_and_ignores_brightness_and_contrast():
    image = noise() // 2
    features = hog_features(image, orientations=6, cells=4, block=2)
    assert features.shape == (3 * 3 * 4 * 6,)
    assert features.dtype == np.float32
    assert 0 <= features.min() <= features.max() <= 1
    np.testing.assert_allclose(hog_features(image + 50), hog_features(image), atol=1e-6)
    np.testing.assert_allclose(hog_features(image * 2), hog_features(image), atol=1e-3)
    assert not hog_features(uniform(90)).any()


def test_hog_leaves_out_what_fills_no_cell_on_all_sides_alike():
    image = noise(48)
    framed = np.pad(image, ((2, 1), (2, 1), (0, 0)))  # 51 = 6 cells of 8 and 3 pixels
    np.testing.assert_array_equal(hog_features(framed[:51, :51]), hog_features(framed[1:49, 1:49]))


def test_lbp_of_a_constant_image_is_the_pattern_of_equals():
    histogram = lbp_histogram(uniform(100), radii=[1, 2])
    assert histogram.shape == (10 + 18,)
    expected = np.zeros(28)
    expected[8] = expected[10 + 16] = 1  # all neighbours are as bright
    np.testing.assert_array_equal(histogram, expected)


def test_lbp_of_a_single_bright_pixel():
    image = uniform(10, 9)
    image[4, 4] = 255
    histogram = lbp_histogram(image, radii=[1])
    # 49 inner pixels: the peak has no neighbour as bright, every other one at least 7 of 8 (the
    # peak counts as brighter), which is all 8.
    np.testing.assert_allclose(histogram, [1 / 49, 0, 0, 0, 0, 0, 0, 0, 48 / 49, 0])


def test_lbp_ignores_quarter_turns_and_brightness():
    image = noise() // 2
    expected = lbp_histogram(image)
    for turns in (1, 2, 3):
        np.testing.assert_allclose(lbp_histogram(np.rot90(image, turns).copy()), expected)
    np.testing.assert_allclose(lbp_histogram(image + 60), expected, atol=2e-3)
    assert expected.sum() == pytest.approx(3)


def test_colour_histogram_of_known_colours():
    image = uniform((255, 0, 0), 4)
    image[:2] = (0, 255, 0)
    histogram = colour_histogram(image, spaces=["rgb"], bins=4).reshape(3, 4)
    np.testing.assert_allclose(histogram, [[0.5, 0, 0, 0.5], [0.5, 0, 0, 0.5], [1, 0, 0, 0]])
    hue, saturation, value = colour_histogram(image, spaces=["hsv"], bins=6).reshape(3, 6)
    np.testing.assert_allclose(hue, [0.5, 0, 0.5, 0, 0, 0])  # red 0, green 120 degrees
    np.testing.assert_allclose(saturation, [0, 0, 0, 0, 0, 1])
    np.testing.assert_allclose(value, [0, 0, 0, 0, 0, 1])


def test_lab_histogram_of_grey_and_of_colours_beyond_its_range():
    # L* of sRGB grey 128 is 53.6; a* and b* are 0, between the bins 7 and 8 of 16.
    lightness, a, b = colour_histogram(uniform(128), spaces=["lab"]).reshape(3, 16)
    assert lightness[8] == 1
    assert a[7] + a[8] == 1
    assert b[7] + b[8] == 1
    # Blue: L* 32.3, a* 79.2, b* -107.9.
    lightness, a, b = colour_histogram(uniform((0, 0, 255)), spaces=["lab"]).reshape(3, 16)
    assert (lightness[5], a[15], b[0]) == (1, 1, 1)


def test_colour_histogram_does_not_see_where_pixels_lie():
    image = noise()
    shuffled = np.random.default_rng(1).permutation(image.reshape(-1, 3)).reshape(image.shape)
    np.testing.assert_allclose(colour_histogram(shuffled), colour_histogram(image))
    assert colour_histogram(image).sum() == pytest.approx(6, rel=1e-5)


@pytest.mark.parametrize("feature", [colour_histogram, lbp_histogram])
def test_mask_counts_the_pixels_inside_alone(feature):
    inside, outside = noise(seed=1), uniform(30, 48)
    mask = np.zeros((48, 48), np.uint8)
    mask[10:30, 10:30] = 1
    far = mask.copy()
    far[6:34, 6:34] = 1  # LBP sees 3 pixels beyond the mask
    image = np.where(far[..., None], inside, outside).astype(np.uint8)
    other = np.where(far[..., None], inside, 255 - outside).astype(np.uint8)
    np.testing.assert_allclose(feature(image, mask=mask), feature(other, mask=mask))
    assert not np.allclose(feature(image), feature(other))
    assert not np.allclose(feature(image, mask=mask), feature(image))


@pytest.mark.parametrize("feature", [colour_histogram, lbp_histogram])
def test_an_empty_mask_stands_for_the_whole_image(feature):
    image = noise()
    np.testing.assert_array_equal(feature(image, mask=np.zeros((48, 48), np.uint8)), feature(image))
