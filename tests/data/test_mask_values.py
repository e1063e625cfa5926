"""A mask of two values is read as what it is, whatever they are; everything else is refused."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import Image

from layouts import picture
from skinnet_keras.data.image_io import read_mask
from skinnet_keras.data.mask_values import border_share
from skinnet_keras.errors import UserError

HEIGHT, WIDTH = 90, 120


def disc(radius: float = 25, centre: tuple[float, float] = (40, 66)) -> np.ndarray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    return np.hypot(y - centre[0], x - centre[1]) < radius


LESION = disc()
ONES = LESION.astype(np.uint8)
INNER = disc(12)
RING = cv2.dilate(ONES, np.ones((3, 3), np.uint8)) - ONES
EVERYWHERE = np.ones_like(ONES)


def coloured(lesion, skin) -> np.ndarray:
    return np.where(LESION[..., None], lesion, skin).astype(np.uint8)


def palette(*colours) -> Image.Image:
    image = Image.fromarray(ONES, "P")
    image.putpalette([value for colour in colours for value in colour])
    return image


def with_alpha(colours: np.ndarray, alpha: np.ndarray) -> Image.Image:
    return Image.fromarray(np.dstack([colours, alpha]).astype(np.uint8))


GREY_AND_ALPHA = Image.merge("LA", [Image.new("L", (WIDTH, HEIGHT)), Image.fromarray(ONES * 255)])

EXACT = {
    "0 and 255": ("png", ONES * 255),
    "0 and 1": ("png", ONES),
    "0 and 100": ("png", ONES * 100),
    "1 and 254": ("png", 1 + ONES * 253),
    "7 and 9": ("bmp", 7 + ONES * 2),
    "1 bit": ("png", LESION),
    "1 bit TIFF": ("tif", LESION),
    "16 bits, 0 and 1": ("png", ONES.astype(np.uint16)),
    "16 bits, 0 and 255": ("png", ONES.astype(np.uint16) * 255),
    "16 bits, 0 and 65535": ("png", ONES.astype(np.uint16) * 65535),
    "32 bits": ("tif", ONES.astype(np.int32) * 70000),
    "float, 0 and 1": ("tif", ONES.astype(np.float32)),
    "float, 0 and 0.25": ("tif", ONES.astype(np.float32) / 4),
    "grey in three channels": ("png", coloured((255, 255, 255), (0, 0, 0))),
    "red on black": ("png", coloured((255, 0, 0), (0, 0, 0))),
    "dark green on black": ("bmp", coloured((0, 100, 0), (0, 0, 0))),
    "blue on white": ("png", coloured((0, 0, 255), (255, 255, 255))),
    "label 1 in the first channel": ("png", coloured((1, 0, 0), (0, 0, 0))),
    "palette of VOC": ("png", palette((0, 0, 0), (128, 0, 0))),
    "palette of one colour": ("png", palette((9, 9, 9), (9, 9, 9))),
    "alpha on black": ("png", with_alpha(np.zeros((HEIGHT, WIDTH, 3)), ONES * 255)),
    "alpha on white": ("png", with_alpha(np.full((HEIGHT, WIDTH, 3), 255), ONES * 255)),
    "grey and alpha": ("png", GREY_AND_ALPHA),
    "red on transparent white": (
        "png",
        with_alpha(coloured((255, 0, 0), (255, 255, 255)), ONES * 255),
    ),
    "opaque": ("png", with_alpha(np.dstack([ONES * 255] * 3), EVERYWHERE * 255)),
}


def save(folder, suffix, pixels, **options):
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(folder / f"mask.{suffix}", **options)
    return folder / f"mask.{suffix}"


@pytest.mark.parametrize("kind", EXACT)
def test_two_values_are_read_as_lesion_and_skin(tmp_path, kind):
    mask = read_mask(save(tmp_path, *EXACT[kind]))
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, ONES)


def test_palettes_are_read_by_their_colours(tmp_path):
    inverse = save(tmp_path, "png", palette((255, 255, 255), (0, 0, 0)))
    np.testing.assert_array_equal(read_mask(inverse), 1 - ONES)
    transparent = save(tmp_path, "png", palette((0, 0, 0), (128, 0, 0)), transparency=0)
    np.testing.assert_array_equal(read_mask(transparent), ONES)


@pytest.mark.parametrize("quality", [20, 60, 95, 100])
@pytest.mark.parametrize("lesion", [255, 100, (255, 0, 0)])
def test_noise_of_jpeg_is_no_third_value(tmp_path, quality, lesion):
    pixels = coloured(lesion, (0, 0, 0)) if isinstance(lesion, tuple) else ONES * np.uint8(lesion)
    path = save(tmp_path, "jpg", pixels, quality=quality)
    assert (read_mask(path) != ONES).mean() < 0.01
    with Image.open(path) as image:
        again = save(tmp_path, "png", image)
    assert (read_mask(again) != ONES).mean() < 0.01


@pytest.mark.parametrize("size", [(60, 45), (301, 226), (960, 720)])
def test_smooth_edges_are_cut_in_the_middle(tmp_path, size):
    image = Image.fromarray(ONES * 255).resize(size, Image.Resampling.BILINEAR)
    expected = np.asarray(image) >= 128
    np.testing.assert_array_equal(read_mask(save(tmp_path, "png", image)), expected)


@pytest.mark.parametrize(("value", "expected"), [(0, 0), (1, 1), (100, 1), (255, 1)])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_one_value_is_empty_or_full(tmp_path, value, expected, suffix):
    path = save(tmp_path, suffix, EVERYWHERE * np.uint8(value))
    np.testing.assert_array_equal(read_mask(path), EVERYWHERE * expected)


def test_sixteen_bits_in_three_channels(tmp_path):
    path = tmp_path / "mask.png"
    cv2.imwrite(str(path), np.dstack([ONES.astype(np.uint16) * 65535] * 3))
    np.testing.assert_array_equal(read_mask(path), ONES)
    cv2.imwrite(str(path), np.dstack([ONES.astype(np.uint16)] * 3))  # Pillow keeps no low byte
    with pytest.raises(UserError, match="several channels of 16 bits"):
        read_mask(path)


NOT_A_NUMBER = np.where(INNER, np.nan, ONES).astype(np.float32)
REFUSED = {
    "three labels": ("png", ONES + INNER, "holds the values 0, 1, 2"),
    "three greys": ("png", (ONES + INNER) * 127, "holds the values 0, 127, 254"),
    "three greys as JPEG": ("jpg", (ONES + INNER) * 127, "neither of two main ones"),
    "a contour of its own": ("png", ONES + RING * 2, "holds the values 0, 1, 2"),
    "void contour": ("png", ONES + RING * 255, "holds the values 0, 1, 255"),
    "16 bits": ("png", (ONES + INNER).astype(np.uint16) * 1000, "the values 0, 1000, 2000"),
    "float": ("tif", (ONES + INNER).astype(np.float32), "the values 0, 1, 2"),
    "not a number": ("tif", NOT_A_NUMBER, "no numbers"),
    "labels as JPEG": ("jpg", ONES, "neither of two main ones"),
    "three colours": (
        "png",
        np.dstack([ONES * 255, INNER * 255, ONES * 0]).astype(np.uint8),
        r"\(0, 0, 0\), \(255, 0, 0\), \(255, 255, 0\)",
    ),
    "two colours": ("png", coloured((255, 0, 0), (0, 0, 255)), "either may be the lesion"),
    "coloured border": ("png", coloured((255, 255, 255), (0, 0, 255)), "either may be"),
    "transparent white": (
        "png",
        with_alpha(np.dstack([ONES * 255] * 3), (1 - ONES) * 255),
        "bright where it is transparent",
    ),
    "a photograph": ("png", picture(3), "neither of two main ones"),
    "noise": (
        "png",
        np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH), np.uint8),
        "neither of two main ones",
    ),
    "a ramp": (
        "png",
        np.tile(np.arange(WIDTH, dtype=np.uint8) * 2, (HEIGHT, 1)),
        "neither of two main ones",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_other_files_are_refused_by_name(tmp_path, kind):
    suffix, pixels, message = REFUSED[kind]
    with pytest.raises(UserError, match=message) as caught:
        read_mask(save(tmp_path, suffix, pixels))
    assert f"mask.{suffix} " in str(caught.value)
    assert "give a mask of two values, 0 for skin and 255 for the lesion" in str(caught.value)


def test_share_of_the_border():
    assert border_share(ONES) == 0
    assert border_share(1 - ONES) == 1
    half = np.zeros((4, 4), np.uint8)
    half[:2] = 1  # 4 above, none below, 2 on either side, of 16
    assert border_share(half) == 0.5
