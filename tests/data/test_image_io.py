"""Decoding is safe and canonical whatever the file holds."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from layouts import picture
from skinnet_keras.data import image_io
from skinnet_keras.data.image_io import read_image, read_mask, resize_image, resize_mask
from skinnet_keras.errors import UserError

RGB = picture(1, 16, 12)


def test_png_round_trip(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    read = read_image(tmp_path / "a.png")
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, RGB)


@pytest.mark.parametrize("suffix", ["bmp", "tiff", "jpg"])
def test_other_formats(tmp_path, suffix):
    Image.fromarray(RGB).save(tmp_path / f"a.{suffix}")
    assert read_image(tmp_path / f"a.{suffix}").shape == (12, 16, 3)


def test_format_is_told_by_content_not_by_suffix(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", format="PNG")
    np.testing.assert_array_equal(read_image(tmp_path / "a.jpg"), RGB)


def test_exif_orientation_is_applied(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: show it rotated 90 degrees clockwise
    Image.fromarray(RGB).save(tmp_path / "a.png", exif=exif)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), np.rot90(RGB, -1))


def test_cmyk_becomes_rgb(tmp_path):
    red = Image.new("CMYK", (8, 8), (0, 255, 255, 0))
    red.save(tmp_path / "a.jpg", quality=100)
    assert np.abs(read_image(tmp_path / "a.jpg").astype(int) - (255, 0, 0)).max() <= 3


def test_sixteen_bits_keep_their_high_byte(tmp_path):
    grey = np.array([[0, 255, 256, 0x80FF, 65535]], dtype=np.uint16)
    Image.fromarray(grey).save(tmp_path / "a.png")
    expected = np.array([[0, 0, 1, 0x80, 255]], dtype=np.uint8)
    np.testing.assert_array_equal(read_image(tmp_path / "a.png")[..., 0], expected)


def test_alpha_is_dropped(tmp_path):
    rgba = np.dstack([RGB, np.full(RGB.shape[:2], 7, dtype=np.uint8)])
    Image.fromarray(rgba).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), RGB)


def test_palette_is_looked_up(tmp_path):
    colours = np.array([[[255, 0, 0], [0, 0, 255]]], dtype=np.uint8)
    Image.fromarray(colours).quantize(2).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_image(tmp_path / "a.png"), colours)


def test_one_bit_becomes_black_and_white(tmp_path):
    Image.fromarray(np.array([[True, False]])).save(tmp_path / "a.bmp")
    np.testing.assert_array_equal(read_image(tmp_path / "a.bmp")[0, :, 0], [255, 0])


def test_missing_file_is_named(tmp_path):
    with pytest.raises(UserError, match=r"nothing\.jpg does not exist"):
        read_image(tmp_path / "nothing.jpg")


@pytest.mark.parametrize("suffix", ["jpg", "png"])
def test_truncated_file_is_refused(tmp_path, suffix):
    path = tmp_path / f"a.{suffix}"
    Image.fromarray(picture(2)).save(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(UserError, match="cannot be read as an image"):
        read_image(path)


def test_other_format_is_refused_even_when_named_jpg(tmp_path):
    Image.fromarray(RGB).save(tmp_path / "a.jpg", format="GIF")
    with pytest.raises(UserError, match="formats JPEG, PNG, BMP, TIFF"):
        read_image(tmp_path / "a.jpg")


def test_pixel_bomb_is_refused_before_decoding(tmp_path, monkeypatch):
    Image.fromarray(RGB).save(tmp_path / "a.png")
    monkeypatch.setattr(image_io, "MAX_PIXELS", RGB.shape[0] * RGB.shape[1] - 1)
    monkeypatch.setattr(Image.Image, "load", lambda self: pytest.fail("was decoded"))
    with pytest.raises(UserError, match="16 x 12 pixels"):
        read_image(tmp_path / "a.png")


def test_bomb_beyond_pillows_own_limit_is_a_user_error(tmp_path):
    Image.new("1", (20000, 20000)).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"a\.png"):
        read_image(tmp_path / "a.png")


def test_32_bit_pixels_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 4), dtype=np.float32)).save(tmp_path / "a.tiff")
    with pytest.raises(UserError, match="32-bit"):
        read_image(tmp_path / "a.tiff")


@pytest.mark.parametrize(
    ("values", "expected"),
    [([0, 127, 128, 255], [0, 0, 1, 1]), ([0, 1, 1, 0], [0, 1, 1, 0]), ([0, 0, 0, 0],) * 2],
)
def test_mask_threshold(tmp_path, values, expected):
    Image.fromarray(np.array([values], dtype=np.uint8)).save(tmp_path / "m.png")
    mask = read_mask(tmp_path / "m.png")
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, [expected])


@pytest.mark.parametrize("mode", ["1", "RGB"])
def test_masks_of_ph2_in_either_mode(tmp_path, mode):
    stripes = np.array([[0, 255, 255, 0]], dtype=np.uint8)
    Image.fromarray(stripes).convert(mode).save(tmp_path / "m.bmp")
    np.testing.assert_array_equal(read_mask(tmp_path / "m.bmp"), [[0, 1, 1, 0]])


def test_resize_is_the_triangle_filter():
    # Halving with the antialiased triangle filter weights the 4 neighbours 1/8 3/8 3/8 1/8.
    row = np.array([0, 0, 0, 80, 160, 160, 160, 160], dtype=np.uint8)
    image = np.broadcast_to(row[None, :, None], (8, 8, 3)).copy()
    expected = [0, (0 + 3 * 0 + 3 * 80 + 160) / 8, (80 + 3 * 160 + 3 * 160 + 160) / 8, 160]
    np.testing.assert_allclose(resize_image(image, 4)[1, :, 0], expected, atol=1)


def test_resize_squashes_the_aspect():
    assert resize_image(RGB, 9).shape == (9, 9, 3)
    np.testing.assert_array_equal(resize_image(RGB[:, :12], 12), RGB[:, :12])


def test_mask_resize_is_binary_and_takes_the_half():
    mask = np.zeros((8, 16), dtype=np.uint8)
    mask[:, :8] = 1
    small = resize_mask(mask, 4)
    np.testing.assert_array_equal(small, [[1, 1, 0, 0]] * 4)
    assert small.dtype == np.uint8
