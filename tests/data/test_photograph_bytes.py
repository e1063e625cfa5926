from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from photograph_files import ORIENTATION, cmyk_without_adobe, served_files
from skinnet_keras.data.image_io import read_image
from skinnet_keras.data.photograph_bytes import upright_bytes
from skinnet_keras.errors import UserError
from tiny_run import draw_picture

RGB, _ = draw_picture(4)


@pytest.mark.parametrize("kind", ["jpeg", "png"])
def test_an_upright_file_goes_as_it_is(tmp_path, kind):
    (tmp_path / "a").write_bytes(served_files()[kind])
    assert upright_bytes(tmp_path / "a") == served_files()[kind]


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_photograph_is_turned_back_without_loss(tmp_path, orientation):
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    Image.fromarray(RGB).save(tmp_path / "a.jpg", exif=exif)
    sent = Image.open(io.BytesIO(upright_bytes(tmp_path / "a.jpg")))
    assert sent.format == "PNG"
    assert ORIENTATION not in sent.getexif()
    np.testing.assert_array_equal(np.asarray(sent), read_image(tmp_path / "a.jpg"))


@pytest.mark.parametrize("suffix", ["bmp", "tiff"])
def test_other_formats_become_png(tmp_path, suffix):
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}")
    sent = Image.open(io.BytesIO(upright_bytes(tmp_path / f"a.{suffix}")))
    np.testing.assert_array_equal(np.asarray(sent), RGB)


@pytest.mark.parametrize("content", [served_files()["cmyk jpeg"], cmyk_without_adobe()])
def test_cmyk_becomes_png(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    sent = Image.open(io.BytesIO(upright_bytes(tmp_path / "a.jpg")))
    assert (sent.format, sent.mode) == ("PNG", "RGB")
    np.testing.assert_array_equal(np.asarray(sent), read_image(tmp_path / "a.jpg"))


def test_damaged_files_are_told_before_they_are_sent(tmp_path):
    (tmp_path / "a.jpg").write_bytes(served_files()["jpeg"][:300])
    with pytest.raises(UserError, match=r"a\.jpg cannot be read"):
        upright_bytes(tmp_path / "a.jpg")
