"""Deletion and insertion on a predictor whose evidence is known."""

from __future__ import annotations

import math

import numpy as np
import pytest

from skinnet_keras.explanation.perturbation import (
    GRID,
    STEPS,
    patch_order,
    perturbation_curves,
    random_order,
    share_inside,
)

SIDE = 56
BRIGHT = (slice(8, 24), slice(8, 24))


@pytest.fixture
def image():
    rng = np.random.default_rng(0)
    image = rng.uniform(60, 90, (SIDE, SIDE, 3))
    image[BRIGHT] = 250
    return image.astype("float32")


def brightness(images):
    return images[:, BRIGHT[0], BRIGHT[1]].mean(axis=(1, 2, 3)) / 255


def test_curves_start_and_end_at_the_whole_and_the_blurred_image(image):
    curves = perturbation_curves(brightness, image, random_order(1))
    whole = brightness(image[None])[0]
    assert curves.deletion.shape == curves.insertion.shape == (STEPS + 1,)
    assert curves.deletion[0] == curves.insertion[-1] == whole
    assert curves.deletion[-1] == curves.insertion[0] < 0.8 * whole


def test_map_of_the_evidence_beats_random_and_random_beats_its_opposite(image):
    evidence = np.zeros((SIDE, SIDE))
    evidence[BRIGHT] = 1
    orders = [patch_order(evidence), random_order(0), patch_order(-evidence)]
    right, random, wrong = (perturbation_curves(brightness, image, order) for order in orders)
    assert right.deletion_area < random.deletion_area < wrong.deletion_area
    assert right.insertion_area > random.insertion_area > wrong.insertion_area


def test_areas_of_known_curves(image):
    constant = perturbation_curves(lambda images: np.full(len(images), 0.3), image, random_order(0))
    assert constant.deletion_area == pytest.approx(0.3)
    assert constant.insertion_area == pytest.approx(0.3)


def test_order_is_a_permutation_by_falling_relevance():
    relevance = np.zeros((SIDE, SIDE))
    relevance[-4:, -4:] = 2  # the last patch
    relevance[:4, 4:8] = 1  # the second
    order = patch_order(relevance, seed=5)
    assert sorted(order) == list(range(GRID * GRID))
    assert order[:2].tolist() == [GRID * GRID - 1, 1]
    # Equal patches do not come in the order of rows, which would be a pattern of its own.
    assert np.any(np.diff(order[2:]) < 0)
    assert patch_order(relevance, seed=5).tolist() == order.tolist()


def test_shares():
    relevance = np.array([[0.0, 1.0], [2.0, 1.0]])
    assert share_inside(relevance, np.array([[0, 0], [1, 0]])) == (0.5, 0.25)
    assert share_inside(relevance, np.ones((2, 2))) == (1.0, 1.0)
    inside, area = share_inside(np.zeros((2, 2)), np.ones((2, 2)))
    assert math.isnan(inside)
    assert area == 1.0
