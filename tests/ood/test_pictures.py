"""Pictures of something else: as many as asked for, all different, again the same."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.ood.pictures import PHOTOGRAPHS, photograph_crops, textures


@pytest.mark.parametrize("make", [photograph_crops, textures])
def test_pictures(make):
    pictures = make(2 * len(PHOTOGRAPHS), 24, seed=3)
    assert pictures.shape == (2 * len(PHOTOGRAPHS), 24, 24, 3)
    assert pictures.dtype == np.uint8
    assert len(np.unique(pictures.reshape(len(pictures), -1), axis=0)) == len(pictures)
    np.testing.assert_array_equal(make(5, 24, seed=3), pictures[:5])
    assert np.any(make(5, 24, seed=4) != pictures[:5])


def test_textures_are_of_several_kinds():
    spread = textures(5, 32).reshape(5, -1, 3).std(axis=1).mean(axis=1)
    assert spread[4] == 0  # a plain area
    assert spread[0] > 60  # noise: 255 / sqrt(12)
    assert (spread[:4] > 3).all()
