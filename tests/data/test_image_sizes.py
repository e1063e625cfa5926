from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from skinnet_keras.data.image_io import read_size
from skinnet_keras.data.image_sizes import read_sizes
from skinnet_keras.errors import UserError
from small_catalogue import write_small_catalogue


def test_the_header_gives_the_size_even_where_the_pixels_are_cut_off(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 50, 3), np.uint8)).save(path)
    assert read_size(path) == (50, 30)
    path.write_bytes(path.read_bytes()[:200])
    assert read_size(path) == (50, 30)


def test_what_is_no_accepted_image_is_a_user_error(tmp_path):
    (tmp_path / "a.jpg").write_text("no picture")
    for name in ("a.jpg", "absent.jpg"):
        with pytest.raises(UserError, match=f"{name} cannot be read as an image"):
            read_size(tmp_path / name)


def test_missing_and_damaged_files_are_left_out(tmp_path):
    catalogue = write_small_catalogue(tmp_path)
    catalogue.image_path("ham10000:ISIC_02").unlink()
    catalogue.image_path("ham10000:ISIC_03").write_text("no picture")
    asked = [f"ham10000:ISIC_0{n}" for n in (1, 2, 3, 4)]
    sizes = read_sizes(catalogue, asked)
    assert list(sizes) == ["ham10000:ISIC_01", "ham10000:ISIC_04"]
    with Image.open(catalogue.image_path("ham10000:ISIC_01")) as picture:
        assert sizes["ham10000:ISIC_01"] == picture.size
