"""A mask lies on the pixels of its image, also where the camera was turned."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from skinnet_keras.data.image_io import read_image
from skinnet_keras.data.image_masks import read_masked
from skinnet_keras.errors import UserError


def lesion(height: int, width: int, *, centred: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """A dark disc in one corner's quarter, or in the middle, and its mask."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width]
    cy, cx = (0.5, 0.5) if centred else (0.3, 0.35)
    disc = np.hypot(y - cy * (height - 1), x - cx * (width - 1)) < 0.15 * min(height, width)
    skin = rng.normal(190, 4, (height, width, 3))
    return np.where(disc[..., None], 70, skin).astype(np.uint8), disc.astype(np.uint8)


def write(folder, rgb, mask, orientation):
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    Image.fromarray(rgb).save(folder / "a.jpg", quality=95, exif=exif)
    Image.fromarray(mask * 255).save(folder / "a.png")
    return folder / "a.jpg", folder / "a.png"


def upright(mask: np.ndarray, orientation: int) -> np.ndarray:
    """What Pillow makes of pixels with that orientation."""
    image = Image.fromarray(mask)
    image.getexif()[ExifTags.Base.Orientation] = orientation
    return np.asarray(ImageOps.exif_transpose(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(60, 80), (70, 70)])
def test_mask_on_the_stored_pixels_is_turned_like_the_image(tmp_path, orientation, shape):
    rgb, mask = lesion(*shape)
    masked = read_masked(*write(tmp_path, rgb, mask, orientation))
    np.testing.assert_array_equal(masked.rgb, read_image(tmp_path / "a.jpg"))
    np.testing.assert_array_equal(masked.mask, upright(mask, orientation))
    assert masked.turning == ("" if orientation == 1 else "turned")
    assert masked.rgb[masked.mask == 1].mean() < 100


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("shape", [(60, 80), (70, 70)])
def test_mask_on_the_upright_picture_stays(tmp_path, orientation, shape):
    rgb, mask = lesion(*shape)
    masked = read_masked(*write(tmp_path, rgb, upright(mask, orientation), orientation))
    np.testing.assert_array_equal(masked.mask, upright(mask, orientation))
    assert masked.turning == ""


def test_what_the_picture_does_not_decide_is_left_and_told(tmp_path):
    grey = np.full((60, 60, 3), 128, np.uint8)
    _, mask = lesion(60, 60)
    masked = read_masked(*write(tmp_path, grey, mask, 3))
    np.testing.assert_array_equal(masked.mask, mask)
    assert masked.turning == "undecided"
    # Where both ways give the same mask, there is nothing to decide.
    for other in (lesion(60, 60, centred=True)[1], mask * 0, mask * 0 + 1):
        assert read_masked(*write(tmp_path, grey, other, 3)).turning == ""


def test_image_without_a_mask(tmp_path):
    rgb, mask = lesion(60, 80)
    image, _ = write(tmp_path, rgb, mask, 6)
    masked = read_masked(image, None)
    assert (masked.rgb.shape, masked.mask, masked.turning) == ((80, 60, 3), None, "")


def test_mask_of_another_size_fits_and_of_another_aspect_is_refused(tmp_path):
    rgb, mask = lesion(60, 80)
    paths = write(tmp_path, rgb, mask[::2, ::2], 1)
    assert read_masked(*paths).mask.shape == (30, 40)
    paths = write(tmp_path, rgb, mask[:, :60], 6)
    with pytest.raises(UserError, match=r"a\.png \(60 x 60 pixels\) has another aspect ratio"):
        read_masked(*paths)
