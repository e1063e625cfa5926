from __future__ import annotations

import pickle
from collections import Counter
from itertools import combinations

import albumentations as A  # noqa: N812
import cv2
import numpy as np
import pytest

from skinnet_keras.data.augmentation import Augmenter, augment_batch

SIZE = 64
OFF = {"cutout": 0.0, "distortion": 0.0, "geometry": 0.0, "blur": 0.0, "brightness_contrast": 0.0}
PAPER = {"cutout": 0.5, "distortion": 0.3, "geometry": 0.25, "blur": 0.15, "brightness": 0.05}
FAMILY = {
    "CoarseDropout": "cutout",
    "GridElastic": "distortion",
    "GridDistortion": "distortion",
    "OpticalDistortion": "distortion",
    "QuarterTurn": "geometry",
    "HorizontalFlip": "geometry",
    "VerticalFlip": "geometry",
    "Affine": "geometry",
    "MotionBlur": "blur",
    "GaussianBlur": "blur",
    "RandomBrightnessContrast": "brightness",
}


def painted_lesion(size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    """A dark, asymmetric lesion on light skin, and its exact mask."""
    mask = np.zeros((size, size), dtype=np.uint8)
    centre = (int(size * 0.45), int(size * 0.55))
    cv2.ellipse(mask, centre, (size // 3, size // 6), 30, 0, 360, 1, -1)
    return np.where(mask[..., None] == 1, 60, 200).astype(np.uint8).repeat(3, axis=2), mask


def augment(augmenter: Augmenter, index: int, size: int = SIZE) -> tuple[np.ndarray, np.ndarray]:
    image, mask = augmenter(*painted_lesion(size), seed=0, epoch=0, index=index)
    assert mask is not None
    return image, mask


@pytest.fixture(scope="module")
def draws() -> list[list[str]]:
    """The operations 3000 images got, as albumentations itself reports them."""
    augmenter = Augmenter(8)
    tracked = A.Compose(augmenter.pipeline.transforms, save_applied_params=True)
    # The augmenter calls whatever pipeline it holds; this one records.
    augmenter.__dict__["pipeline"] = recorder = Recorder(tracked)
    image = np.zeros((8, 8, 3), dtype=np.uint8)
    for index in range(3000):
        augmenter(image, None, seed=7, epoch=3, index=index)
    return recorder.applied


class Recorder:
    def __init__(self, pipeline: A.Compose):
        self.pipeline = pipeline
        self.set_random_state = pipeline.set_random_state
        self.applied: list[list[str]] = []

    def __call__(self, **data):
        result = self.pipeline(**data)
        self.applied.append([name for name, _ in result["applied_transforms"]])
        return result


def within(count: float, n: int, p: float) -> bool:
    """Four standard deviations of the binomial distribution: 1 in 16,000 by chance."""
    return abs(count - n * p) <= 4 * np.sqrt(n * p * (1 - p))


def test_each_operation_has_the_papers_probability(draws):
    counts = Counter(FAMILY[name] for applied in draws for name in applied)
    for family, p in PAPER.items():
        assert within(counts[family], len(draws), p), (family, counts[family])


def test_one_operation_of_each_family_at_a_time(draws):
    for applied in draws:
        families = [FAMILY[name] for name in applied]
        assert len(families) == len(set(families))


def test_operations_are_independent_of_each_other(draws):
    sets = [{FAMILY[name] for name in applied} for applied in draws]
    for a, b in combinations(PAPER, 2):
        both = sum(a in families and b in families for families in sets)
        assert within(both, len(sets), PAPER[a] * PAPER[b]), (a, b, both)


def test_members_of_a_family_are_equally_likely(draws):
    counts = Counter(name for applied in draws for name in applied)
    for name in ("GridElastic", "GridDistortion", "OpticalDistortion"):
        assert within(counts[name], len(draws), 0.3 / 3)
    for name in ("QuarterTurn", "HorizontalFlip", "VerticalFlip"):
        assert within(counts[name], len(draws), 0.25 / 6)
    assert within(counts["Affine"], len(draws), 0.25 / 2)  # shift, rotation, scaling


def test_result_depends_on_seed_epoch_and_index_only():
    augmenter = Augmenter(SIZE)
    keys = [(seed, epoch, index) for seed in (0, 5) for epoch in (0, 1) for index in (0, 1, 2)]

    def run(augmenter: Augmenter, keys) -> dict:
        pair = painted_lesion()
        return {
            key: augmenter(*pair, seed=key[0], epoch=key[1], index=key[2])[0].tobytes()
            for key in keys
        }

    forward = run(augmenter, keys)
    assert run(augmenter, keys[::-1]) == forward
    assert run(pickle.loads(pickle.dumps(augmenter)), keys) == forward  # noqa: S301
    assert len(set(forward.values())) > len(keys) // 2  # not all the same


def test_image_is_the_same_with_and_without_a_mask():
    augmenter = Augmenter(SIZE)
    for index in range(30):
        image, _ = painted_lesion()
        alone, none = augmenter(image, None, seed=1, epoch=0, index=index)
        assert none is None
        np.testing.assert_array_equal(
            alone, augmenter(*painted_lesion(), seed=1, epoch=0, index=index)[0]
        )


def test_arguments_are_not_changed():
    image, mask = painted_lesion()
    for index in range(30):
        Augmenter(SIZE)(image, mask, seed=1, epoch=0, index=index)
    np.testing.assert_array_equal(image, painted_lesion()[0])
    np.testing.assert_array_equal(mask, painted_lesion()[1])


@pytest.mark.parametrize("family", ["geometry", "distortion"])
def test_geometry_moves_the_mask_with_the_image(family):
    augmenter = Augmenter(SIZE, **{**OFF, family: 1.0})
    moved = 0
    for index in range(60):
        image, mask = augment(augmenter, index)
        assert image.shape == (SIZE, SIZE, 3)
        assert image.dtype == mask.dtype == np.uint8
        assert set(np.unique(mask)) <= {0, 1}
        seen = image[..., 0] < 130
        union = np.logical_or(seen, mask).sum()
        assert np.logical_and(seen, mask).sum() / union > 0.93
        moved += not np.array_equal(mask, painted_lesion()[1])
    assert moved >= 55  # a shift or a scaling can be close to none


@pytest.mark.parametrize("family", ["cutout", "blur", "brightness_contrast"])
def test_other_operations_leave_the_mask_alone(family):
    augmenter = Augmenter(SIZE, **{**OFF, family: 1.0})
    original, original_mask = painted_lesion()
    changed = 0
    for index in range(30):
        image, mask = augment(augmenter, index)
        np.testing.assert_array_equal(mask, original_mask)
        changed += not np.array_equal(image, original)
    assert changed >= 29


@pytest.mark.parametrize(("size", "side"), [(224, 16), (112, 8), (32, 2)])
def test_cutout_holes_scale_with_the_image(size, side):
    augmenter = Augmenter(size, **{**OFF, "cutout": 1.0})
    image = np.full((size, size, 3), 255, dtype=np.uint8)
    largest = 0
    for index in range(60):
        holes = (augmenter(image, None, seed=0, epoch=0, index=index)[0][..., 0] == 0).astype(
            np.uint8
        )
        count, _, stats, _ = cv2.connectedComponentsWithStats(holes)
        assert 1 <= holes.sum() <= 5 * side * side
        if count == 2:  # one hole, or several that touch
            continue
        sides = stats[1:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]]
        if count == 6:  # five holes, none of which touches another
            largest = max(largest, int(sides.max()))
            assert sides.max() <= side
    assert largest == side


def test_no_operation_is_the_identity():
    image, mask = augment(Augmenter(SIZE, **OFF), 0)
    np.testing.assert_array_equal(image, painted_lesion()[0])
    np.testing.assert_array_equal(mask, painted_lesion()[1])


def test_batch_equals_single_images():
    augmenter = Augmenter(SIZE)
    image, mask = painted_lesion()
    images, masks = augment_batch(
        augmenter,
        np.stack([image] * 3),
        np.stack([mask] * 3),
        seed=4,
        epoch=2,
        indices=[9, 8, 7],
    )
    assert masks is not None
    for row, index in enumerate([9, 8, 7]):
        single = augmenter(image, mask, seed=4, epoch=2, index=index)
        np.testing.assert_array_equal(images[row], single[0])
        np.testing.assert_array_equal(masks[row], single[1])


def test_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="image_size"):
        Augmenter(0)
    with pytest.raises(ValueError, match="blur must be a probability"):
        Augmenter(32, blur=1.5)
