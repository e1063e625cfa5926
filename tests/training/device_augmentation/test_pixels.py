"""The operations on pixels, against OpenCV and albumentations with the same parameters."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from albumentations.augmentations.geometric import functional as geometric

from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.samples import augmentation_keys
from skinnet_keras.training.device_augmentation import pixels
from skinnet_keras.training.device_augmentation.draws import Draws, draw
from tiny_run import draw_picture

SIZE = 48
MIRROR = {"borderMode": cv2.BORDER_REFLECT_101}


def each(pair):
    """Image and mask with the interpolation that each of them gets."""
    return zip(pair, (cv2.INTER_LINEAR, cv2.INTER_NEAREST), strict=True)


@pytest.fixture(scope="module")
def draws() -> Draws:
    keys = augmentation_keys(seed=0, epoch=0, indices=np.arange(40))
    return draw(keys, Augmenter(SIZE, distortion=0.8, geometry=0.8, blur=1.0))


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    pictures = [draw_picture(number, (SIZE, SIZE))[0] for number in range(40)]
    return np.stack(pictures).astype("float32")


@pytest.fixture(scope="module")
def masks() -> np.ndarray:
    pictures = [draw_picture(number, (SIZE, SIZE))[1] for number in range(40)]
    return np.stack(pictures)[..., None].astype("float32")


@pytest.mark.parametrize("size", [224, 225, 33])
def test_distortion_maps_are_those_of_albumentations(draws, size):
    grids, lenses, fields = (
        np.asarray(values)
        for values in (
            pixels.grid_map(draws.grid, size),
            pixels.lens_map(draws.lens, size),
            pixels.elastic_field(draws.elastic, size),
        )
    )
    for i in range(3):
        x_steps, y_steps = np.asarray(draws.grid)[i].tolist()
        steps = geometric.normalize_grid_distortion_steps((size, size), 5, x_steps, y_steps)
        grid = geometric.generate_grid((size, size), steps["steps_x"], steps["steps_y"], 5)
        np.testing.assert_allclose(grids[i], np.stack(grid, axis=-1), atol=1e-4)
        lens = geometric.get_camera_matrix_distortion_maps((size, size), float(draws.lens[i]))
        np.testing.assert_allclose(lenses[i], np.stack(lens, axis=-1), atol=1e-4)
        nodes = np.asarray(draws.elastic)[i]
        field = cv2.resize(nodes, (size, size), interpolation=cv2.INTER_CUBIC)
        np.testing.assert_allclose(fields[i], field, atol=1e-4)


def test_sampling_is_that_of_opencv(images, masks):
    generator = np.random.default_rng(0)
    # Up to a whole image beyond each border.
    points = generator.uniform(-SIZE, 2 * SIZE, (4, SIZE, SIZE, 2)).astype("float32")
    sampled = np.asarray(pixels.bilinear(images[:4], points))
    moved = np.asarray(pixels.nearest(masks[:4], points))
    for i in range(4):
        expected = cv2.remap(images[i], points[i], None, cv2.INTER_LINEAR, **MIRROR)
        # OpenCV rounds the weights to 1/32.
        assert np.abs(sampled[i] - expected).mean() < 0.3
        expected = cv2.remap(masks[i, ..., 0], points[i], None, cv2.INTER_NEAREST, **MIRROR)
        assert (moved[i, ..., 0] == expected).mean() > 0.999


def test_joint_warp_is_the_two_warps_one_after_the_other(draws, images, masks):
    points = pixels.sampling_map(draws, SIZE)
    joint = np.asarray(pixels.bilinear(images, points))
    joint_masks = np.asarray(pixels.nearest(masks, points))
    straight = draws._replace(affine=np.tile(np.float32([[1, 0, 0], [0, 1, 0]]), (40, 1, 1)))
    distortions = np.asarray(pixels.sampling_map(straight, SIZE))
    centre, agreement = (SIZE - 1) / 2, []
    for i, affine in enumerate(np.asarray(draws.affine)):
        matrix = affine.astype("float64")
        matrix[:, 2] += centre - matrix[:, :2] @ [centre, centre]
        pair = images[i], masks[i, ..., 0]
        if draws.distortion[i]:
            pair = (
                cv2.remap(one, distortions[i], None, flag, **MIRROR) for one, flag in each(pair)
            )
        image, mask = (
            cv2.warpAffine(one, matrix, (SIZE, SIZE), flags=flag | cv2.WARP_INVERSE_MAP, **MIRROR)
            for one, flag in each(pair)
        )
        assert np.abs(joint[i] - image).mean() < 2.0  # it is interpolated once instead of twice
        agreement.append((joint_masks[i, ..., 0] == mask).mean())
    # Where a mask is rounded twice, its edge may move by a pixel: 4 % of this small image.
    assert min(agreement) > 0.95
    assert np.mean(agreement) > 0.98


def test_blur_is_opencvs_filter(draws, images):
    blurred = np.asarray(pixels.blur(images, draws.kernel))
    for image, kernel, ours in zip(images, np.asarray(draws.kernel), blurred, strict=True):
        np.testing.assert_allclose(ours, cv2.filter2D(image, -1, kernel), atol=1e-2)


def test_holes_are_black_and_nothing_else_changes():
    images = np.full((1, 8, 8, 3), 9, dtype="float32")
    holes = np.float32([[[1, 2, 4, 4], [6, 0, 8, 1], [0, 0, 0, 0]]])
    expected = images.copy()
    expected[0, 2:4, 1:4] = 0
    expected[0, :1, 6:8] = 0
    np.testing.assert_array_equal(pixels.cut_out(images, holes), expected)


def test_brightness_is_clipped():
    images = np.float32([0, 100, 250]).reshape(1, 1, 3, 1)
    bright = np.asarray(pixels.brighten(images, np.float32([1.1]), np.float32([-5.0])))
    np.testing.assert_allclose(bright.ravel(), [0, 105, 255], rtol=1e-6)
