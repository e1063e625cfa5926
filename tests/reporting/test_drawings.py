"""Photographs with outlines."""

from __future__ import annotations

import base64
import io

import numpy as np
from PIL import Image

from skinnet_keras.reporting.drawings import photograph


def pixels(uri: str) -> np.ndarray:
    head, _, data = uri.partition(",")
    assert head == "data:image/jpeg;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).astype(int)


def test_small_images_are_enlarged_and_keep_their_colours():
    image = np.full((32, 32, 3), (200, 150, 120), np.uint8)
    seen = pixels(photograph(image))
    assert seen.shape == (224, 224, 3)
    assert np.abs(seen - [200, 150, 120]).max() <= 4
    assert pixels(photograph(np.zeros((300, 300, 3), np.uint8))).shape == (300, 300, 3)


def test_outlines_lie_on_the_borders_of_the_masks():
    image = np.full((32, 32, 3), 128, np.uint8)
    mask = np.zeros((32, 32), np.uint8)
    mask[8:24, 8:24] = 1
    plain, seen = pixels(photograph(image)), pixels(photograph(image, mask))
    changed = np.abs(seen - plain).max(axis=2) > 60
    rows, columns = np.nonzero(changed)
    # The mask covers rows and columns 8..24 of 32, so 56..168 of 224; the line is 2 wide.
    assert abs(rows.min() - 56) <= 4
    assert abs(rows.max() - 168) <= 4
    assert abs(columns.min() - 56) <= 4
    assert abs(columns.max() - 168) <= 4
    assert not changed[80:140, 80:140].any()
    both = pixels(photograph(image, mask, 1 - mask))
    assert (np.abs(both - plain).max(axis=2) > 60).sum() > changed.sum()


def test_empty_and_full_masks_do_no_harm():
    image = np.zeros((16, 16, 3), np.uint8)
    assert photograph(image, np.zeros((16, 16))) == photograph(image)
    full = pixels(photograph(image, np.ones((16, 16))))
    assert full[100:124, 100:124].max() < 40
