"""What the layer draws, against what albumentations reports to have drawn."""

from __future__ import annotations

import random
from itertools import combinations

import albumentations as A  # noqa: N812
import numpy as np
import pytest
from albumentations.augmentations.blur.functional import (
    create_gaussian_kernel_1d,
    create_motion_kernel,
)
from scipy.stats import ks_2samp

from skinnet_keras.data.augmentation import Augmenter
from skinnet_keras.data.samples import augmentation_keys
from skinnet_keras.training.device_augmentation.draws import (
    BLURS,
    DISTORTIONS,
    GAUSSIAN_SIGMA,
    GEOMETRIES,
    GRID_STEPS,
    KERNEL,
    Draws,
    draw,
    gaussian_kernel,
    motion_kernel,
)
from skinnet_keras.training.device_augmentation.pixels import elastic_field, grid_map, lens_map

SIZE = 48
ALL = {"cutout": 1.0, "distortion": 1.0, "geometry": 1.0, "blur": 1.0, "brightness_contrast": 1.0}


def draw_many(count: int, size: int = SIZE, **probabilities) -> Draws:
    keys = augmentation_keys(seed=0, epoch=0, indices=np.arange(count))
    return Draws(*(np.asarray(value) for value in draw(keys, Augmenter(size, **probabilities))))


def within(count: float, n: int, p: float) -> bool:
    """Four standard deviations of the binomial distribution: 1 in 16,000 by chance."""
    return abs(count - n * p) <= 4 * np.sqrt(n * p * (1 - p))


def test_each_operation_has_the_papers_probability_and_is_independent_of_the_others():
    n, values = 8000, draw_many(8000, 16)
    fired = {
        "cutout": values.holes.any(axis=(1, 2)),
        "distortion": values.distortion > 0,
        "geometry": values.geometry > 0,
        "blur": values.blur > 0,
        "brightness_contrast": values.contrast != 1,
    }
    rates = {name: getattr(Augmenter, name) for name in fired}
    assert list(rates.values()) == [0.5, 0.3, 0.25, 0.15, 0.05]
    for name, rate in rates.items():
        assert within(fired[name].sum(), n, rate), name
    for a, b in combinations(fired, 2):
        assert within((fired[a] & fired[b]).sum(), n, rates[a] * rates[b]), (a, b)


def test_members_of_a_family_are_equally_likely():
    n, values = 8000, draw_many(8000, 16)
    for chosen, names, rate in (
        (values.distortion, DISTORTIONS, 0.3),
        (values.geometry, GEOMETRIES, 0.25),
        (values.blur, BLURS, 0.15),
    ):
        for index in range(1, len(names)):
            assert within((chosen == index).sum(), n, rate / (len(names) - 1)), names[index]


@pytest.fixture(scope="module")
def reported() -> dict[str, list[dict]]:
    """The parameters albumentations drew for 2400 images, by operation."""
    pipeline = A.Compose(Augmenter(SIZE, **ALL).pipeline.transforms, save_applied_params=True)
    pipeline.set_random_state(np.random.default_rng(0), random.Random(0))
    image = np.zeros((SIZE, SIZE, 3), dtype=np.uint8)
    found: dict[str, list[dict]] = {}
    for _ in range(2400):
        for name, parameters in pipeline(image=image)["applied_transforms"]:
            found.setdefault(name, []).append(parameters)
    return found


@pytest.fixture(scope="module")
def ours() -> Draws:
    return draw_many(2400, **ALL)


def assert_same_distribution(a, b, *, bounded: bool = False):
    assert min(np.size(a), np.size(b)) > 100
    assert ks_2samp(np.ravel(a), np.ravel(b)).pvalue > 1e-3
    if bounded:
        tolerance = 0.04 * np.ptp(b)
        assert np.min(a) == pytest.approx(np.min(b), abs=tolerance)
        assert np.max(a) == pytest.approx(np.max(b), abs=tolerance)


def test_holes(reported, ours):
    theirs = [entry["holes"] for entry in reported["CoarseDropout"]]
    exist = ours.holes.any(axis=2)
    assert_same_distribution(exist.sum(axis=1), [len(holes) for holes in theirs])
    assert set(exist.sum(axis=1)) == {1, 2, 3, 4, 5}
    theirs, holes = np.concatenate(theirs), ours.holes[exist]
    for edge in range(4):
        assert_same_distribution(holes[:, edge], theirs[:, edge], bounded=True)
    for axis in (0, 1):
        assert_same_distribution(
            holes[:, axis + 2] - holes[:, axis], theirs[:, axis + 2] - theirs[:, axis]
        )
    assert np.corrcoef(holes, rowvar=False)[0, 1] < 0.1  # x and y are independent
    np.testing.assert_array_equal(holes, np.round(holes))
    assert holes.min() >= 0
    assert holes.max() <= SIZE


@pytest.mark.parametrize(("size", "side"), [(224, 16), (112, 8), (32, 2)])
def test_holes_scale_with_the_image(size, side):
    holes = draw_many(500, size, cutout=1.0).holes
    sides = (holes[..., 2:] - holes[..., :2])[holes.any(axis=2)]
    assert sides.max() == side
    assert sides.min() == side // 2


def test_distortions(reported, ours):
    def spread(maps_x) -> np.ndarray:
        maps_x = np.asarray(maps_x)
        return (maps_x - np.arange(SIZE)).std(axis=(1, 2))

    maps = {
        "GridElastic": elastic_field(ours.elastic, SIZE) + np.arange(SIZE)[:, None],
        "GridDistortion": grid_map(ours.grid, SIZE),
        "OpticalDistortion": lens_map(ours.lens, SIZE),
    }
    for name, mapping in maps.items():
        theirs = [entry["map_x"] for entry in reported[name]]
        assert_same_distribution(spread(np.asarray(mapping)[..., 0]), spread(theirs))
        corner = np.asarray(mapping)[:, SIZE // 3, SIZE // 4, 0]
        assert_same_distribution(corner, [one[SIZE // 3, SIZE // 4] for one in theirs])


def test_geometry(reported, ours):
    def matrices(name: str) -> np.ndarray:
        return ours.affine[ours.geometry == GEOMETRIES.index(name)]

    theirs = reported["Affine"]
    rotations = [entry["rotate"] for entry in theirs if entry["rotate"]]
    scales = [entry["scale"]["x"] for entry in theirs if entry["scale"]["x"] != 1]
    shifts = [
        entry["matrix"][:2, 2]
        for entry in theirs
        if not entry["rotate"] and entry["scale"]["x"] == 1
    ]
    rotation, scaling, shift = (matrices(name) for name in ("rotation", "scaling", "shift"))
    angles = np.rad2deg(np.arctan2(rotation[:, 1, 0], rotation[:, 0, 0]))
    assert_same_distribution(angles, rotations, bounded=True)
    assert_same_distribution(1 / scaling[:, 0, 0], scales, bounded=True)
    np.testing.assert_array_equal(scaling[:, 0, 0], scaling[:, 1, 1])
    for axis in (0, 1):
        assert_same_distribution(shift[:, axis, 2], [one[axis] for one in shifts])
    np.testing.assert_array_equal(shift[..., 2], np.round(shift[..., 2]))
    turns = matrices("quarter_turn")[:, 0]
    for turn in ([0, -1, 0], [-1, 0, 0], [0, 1, 0]):
        assert within((turns == turn).all(axis=1).sum(), len(turns), 1 / 3)


def test_blurs(reported, ours):
    def figures(kernels) -> np.ndarray:
        kernels = np.asarray(kernels)
        radius = np.abs(np.arange(7) - 3).reshape(7, 1)
        return np.array(
            [
                [np.count_nonzero(k), k.max(), (k * radius).sum(), (k * radius.T).sum(), k[3, 3]]
                for k in kernels
            ]
        )

    def padded(kernel: np.ndarray) -> np.ndarray:
        kernel = np.outer(kernel, kernel) if kernel.ndim == 1 else kernel
        return np.pad(kernel, (7 - len(kernel)) // 2)

    for name, chosen in (("MotionBlur", "motion"), ("GaussianBlur", "gaussian")):
        kernels = ours.kernel[ours.blur == BLURS.index(chosen)]
        np.testing.assert_allclose(kernels.sum(axis=(1, 2)), 1, rtol=1e-5)
        expected = figures([padded(entry["kernel"]) for entry in reported[name]])
        for column, theirs in zip(figures(kernels).T, expected.T, strict=True):
            assert_same_distribution(column.round(4), theirs.round(4))


def test_shifts_reach_a_sixteenth_of_the_image():
    shifts = draw_many(1000, 224, geometry=1.0)
    shifts = shifts.affine[shifts.geometry == GEOMETRIES.index("shift")][..., 2]
    # 14 pixels rounded towards zero: one in 14 shifts is none.
    assert set(shifts.ravel()) == set(range(-13, 14))
    assert within((shifts == 0).sum(), shifts.size, 1 / 14)


def test_constants_are_those_of_the_pipeline():
    _, distortions, _, blurs, _ = Augmenter(SIZE).pipeline.transforms
    assert blurs.transforms[1].sigma_limit == GAUSSIAN_SIGMA
    assert blurs.transforms[0].blur_limit == blurs.transforms[1].blur_limit == (3, KERNEL)
    assert distortions.transforms[1].num_steps == GRID_STEPS


def test_brightness_and_contrast(reported, ours):
    theirs = reported["RandomBrightnessContrast"]
    assert_same_distribution(ours.contrast, [entry["alpha"] for entry in theirs], bounded=True)
    assert_same_distribution(ours.brightness, [entry["beta"] for entry in theirs], bounded=True)


class _Shift:
    """The two shifts `create_motion_kernel` asks its random generator for."""

    def __init__(self, shift):
        self.shift = iter(shift)

    def uniform(self, low, high):
        return next(self.shift)


def test_motion_kernels_are_those_of_albumentations():
    generator = np.random.default_rng(0)
    for _ in range(100):
        length = int(generator.integers(1, 4))
        angle, direction = generator.uniform(0, 360), generator.uniform(-1, 1)
        shift = generator.uniform(-1, 1, 2)
        arguments = (length, np.deg2rad(angle), direction, shift / 2)
        kernel = np.asarray(motion_kernel(*(np.float32([value]) for value in arguments)))[0]
        expected = create_motion_kernel(2 * length + 1, angle, direction, True, _Shift(shift))
        np.testing.assert_array_equal(kernel, np.pad(expected, 3 - length))


def test_gaussian_kernels_are_those_of_albumentations():
    for sigma, radius in ((0.5, 1), (1.7, 2), (3.0, 3)):
        kernel = np.asarray(gaussian_kernel(np.float32([sigma]), np.float32([radius])))[0]
        line = np.pad(create_gaussian_kernel_1d(sigma, 2 * radius + 1), 3 - radius)
        np.testing.assert_allclose(kernel / kernel.sum(), np.outer(line, line), atol=1e-6)
