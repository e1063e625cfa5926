"""Pictures laid on one another: what is corrected, and what tells against a copy."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layouts import picture
from skinnet_keras.data.alignment import aligned_correlation, coarse_correlation, coarse_details

WHOLE = np.ones((1, 2))


def grey(seed=0, size=320):
    return Image.fromarray(picture(seed, size, size)).convert("L")


def small(image, box=None):
    return np.asarray(image.resize((80, 80), Image.Resampling.BILINEAR, box=box))[None]


def correlation(*arguments):
    """That of a pair, 0 where it is displaced: no copy."""
    ((value,), (displaced,)) = aligned_correlation(*arguments)
    return 0 if displaced else value


def test_a_picture_itself_its_negative_and_another():
    own, other = small(grey()), small(grey(1))
    assert correlation(own, own, WHOLE) > 0.999
    assert correlation(own, 255 - own, WHOLE) <= 0
    assert correlation(own, other, WHOLE) < 0.2


@pytest.mark.parametrize("width", [0.7, 0.73, 0.77, 0.8])
def test_the_scale_is_corrected(width):
    image = grey()
    box = ((1 - width) / 2 * 320, 0, (1 + width) / 2 * 320, 320)
    assert correlation(small(image), small(image, box), np.array([[0.75, 1]])) > 0.8


def test_a_crop_unlike_the_assumed_one_is_none():
    image = grey()
    assert correlation(small(image), small(image, (80, 0, 240, 320)), WHOLE) < 0.2


@pytest.mark.parametrize("pixels", [6, 10, 16])
def test_a_displaced_picture_is_no_copy(pixels):
    """Of 320: 2 to 5 %, as another photograph of the same lesion."""
    image = grey()
    left, right = small(image, (0, 0, 300, 300)), small(image, (pixels, 0, 300 + pixels, 300))
    assert aligned_correlation(left, right, WHOLE)[1]


def test_a_tiny_shift_is_rounding():
    image = grey()
    left, right = small(image, (0, 0, 319, 319)), small(image, (1, 0, 320, 319))
    assert correlation(left, right, WHOLE) > 0.8


def test_detail_needs_three_quarters_of_the_tiles():
    own, other = small(grey()), small(grey(1))
    few, many = own.copy(), own.copy()
    few[:, :20] = other[:, :20]
    many[:, :40] = other[:, :40]
    assert correlation(own, few, WHOLE) > 0.6
    assert correlation(own, many, WHOLE) < 0.3


def test_flat_pictures_say_nothing():
    flat = np.full((1, 80, 80), 128, dtype=np.uint8)
    assert correlation(flat, flat, WHOLE) == 0


def test_a_black_border_does_not_decide():
    image = grey()
    bordered = Image.new("L", (352, 352))
    bordered.paste(image, (16, 16))
    crop = np.full((1, 2), 0.9)
    assert correlation(small(bordered), small(image), crop) > 0.6


def test_coarse_details():
    images = np.concatenate((small(grey()), small(grey(1))))
    whole = coarse_details(images, (1, 1))
    assert whole.shape == (2, 24, 24)
    np.testing.assert_allclose(coarse_correlation(whole, whole), 1, atol=0.02)
    assert abs(coarse_correlation(whole[:1], whole[1:])) < 0.3
    cropped = small(grey(), (40, 0, 280, 320))
    same = coarse_correlation(
        coarse_details(images[:1], (0.75, 1)), coarse_details(cropped, (1, 1))
    )
    assert same > 0.8
