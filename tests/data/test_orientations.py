"""Hashes turn as their pictures do."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layouts import picture
from skinnet_keras.data.duplicates import HASH_RADIUS
from skinnet_keras.data.fingerprints import fingerprint
from skinnet_keras.data.orientations import ORIENTATIONS, orient, orient_crop, orient_hashes


def test_the_eight_orientations_are_different():
    square = np.arange(9).reshape(3, 3)
    turned = [orient(square, number) for number in range(ORIENTATIONS)]
    assert len({own.tobytes() for own in map(np.ascontiguousarray, turned)}) == 8
    np.testing.assert_array_equal(turned[0], square)
    np.testing.assert_array_equal(turned[1], np.fliplr(square))
    np.testing.assert_array_equal(turned[2], np.flipud(square))
    np.testing.assert_array_equal(turned[3], np.rot90(square, 2))
    np.testing.assert_array_equal(turned[4], square.T)
    assert any(np.array_equal(own, np.rot90(square)) for own in turned)


@pytest.mark.parametrize("orientation", range(ORIENTATIONS))
def test_hash_of_a_turned_picture(tmp_path, orientation):
    rgb = picture(5, 120, 120)
    turned = np.stack([orient(rgb[..., channel], orientation) for channel in range(3)], axis=-1)
    for name, pixels in (("as_is", rgb), ("turned", turned)):
        Image.fromarray(pixels).save(tmp_path / f"{name}.png")
    as_is = fingerprint(tmp_path / "as_is.png").hashes[:2]
    expected = fingerprint(tmp_path / "turned.png").hashes[:2]
    assert np.bitwise_count(orient_hashes(as_is, orientation) ^ expected).max() <= HASH_RADIUS


def test_crops_turn_too():
    assert orient_crop((0.75, 1), 3) == (0.75, 1)
    assert orient_crop((0.75, 1), 4) == (1, 0.75)
