"""Decoding finds what a look at the table cannot."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layouts import HEIGHT, WIDTH, save_mask
from skinnet_keras.data.checks import find_problems
from skinnet_keras.data.file_checks import check_files
from small_catalogue import KEPT as IMAGE
from small_catalogue import write_small_catalogue


@pytest.fixture
def catalogue(tmp_path):
    return write_small_catalogue(tmp_path)


def truncate(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def test_sound(catalogue):
    checked = check_files(catalogue)
    assert checked.problems == []
    assert checked.sizes == dict.fromkeys(catalogue.table["image_id"], (WIDTH, HEIGHT))


def test_truncated_image(catalogue):
    truncate(catalogue.image_path(IMAGE))
    assert find_problems(catalogue) == []  # it is there
    checked = check_files(catalogue)
    (problem,) = checked.problems
    assert problem.startswith(f"{IMAGE}: ")
    assert "cannot be read as an image" in problem
    assert IMAGE not in checked.sizes


def test_corrupt_mask(catalogue):
    catalogue.mask_path(IMAGE).write_text("no image")
    (problem,) = check_files(catalogue).problems
    assert problem.startswith(f"{IMAGE}: ")
    assert "ISIC_01.png cannot be read" in problem


def test_mask_of_another_aspect_ratio(catalogue):
    save_mask(catalogue.mask_path(IMAGE), width=WIDTH, height=WIDTH)
    (problem,) = check_files(catalogue).problems
    assert problem.startswith(f"{IMAGE}: ")
    assert "(120 x 120 pixels) has another aspect ratio than its image (120 x 90)" in problem


def test_mask_of_three_values(catalogue):
    values = np.zeros((HEIGHT, WIDTH), np.uint8)
    values[20:60], values[30:50] = 1, 2
    Image.fromarray(values).save(catalogue.mask_path(IMAGE))
    checked = check_files(catalogue)
    (problem,) = checked.problems
    assert problem.startswith(f"{IMAGE}: ")
    assert "holds the values 0, 1, 2" in problem
    assert checked.masks.masks == 2


def test_empty_and_full_masks_are_named(catalogue):
    empty, full = (np.full((HEIGHT, WIDTH), value, np.uint8) for value in (0, 255))
    Image.fromarray(empty).save(catalogue.mask_path(IMAGE))
    Image.fromarray(full).save(catalogue.mask_path("ham10000:ISIC_02"))
    checked = check_files(catalogue)
    assert checked.problems == []
    assert (checked.masks.masks, checked.masks.empty) == (3, [IMAGE])
    assert checked.masks.full == ["ham10000:ISIC_02"]


def test_a_mask_of_another_size_fits(catalogue):
    save_mask(catalogue.mask_path(IMAGE), width=3 * WIDTH, height=3 * HEIGHT + 1)
    assert check_files(catalogue).problems == []


def test_missing_files_are_not_said_twice(catalogue):
    catalogue.image_path(IMAGE).unlink()
    assert len(find_problems(catalogue)) == 1
    assert check_files(catalogue).problems == []
