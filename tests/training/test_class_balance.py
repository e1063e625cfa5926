"""Class weights against tables worked out by hand, and against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.utils.class_weight import compute_class_weight

from skinnet_keras.config import BalanceConfig
from skinnet_keras.training.class_balance import (
    class_prior,
    class_weights,
    inverse_effective_number,
    inverse_frequency,
)

# Ten images: 6, 3, none and 1 of the classes.
LABELS = np.repeat([0, 1, 3], [6, 3, 1])

BY_HAND = [
    # 1 / shares: 10/6, 10/3, 10. Their sum over the images is 6 * 10/6 + 3 * 10/3 + 10 = 30, so
    # the mean is 3: divided by it, 5/9, 10/9, 10/3.
    ({"power": 1.0}, [0.555556, 1.111111, 1.0, 3.333333]),
    # Roots: 1.290994, 1.825742, 3.162278. Sum 7.745967 + 5.477226 + 3.162278 = 16.385470.
    ({"power": 0.5}, [0.787889, 1.114244, 1.0, 1.929927]),
    ({"power": 0.0}, [1.0, 1.0, 1.0, 1.0]),
    # beta 1/2: 0.5 / (1 - 1/64) = 32/63, 0.5 / (1 - 1/8) = 4/7, 0.5 / (1 - 1/2) = 1.
    # Sum 6 * 32/63 + 3 * 4/7 + 1 = 5.761905, mean 0.5761905.
    (
        {"weighting": "effective_number", "beta": 0.5},
        [0.881543, 0.991736, 1.0, 1.735537],
    ),
    ({"weighting": "effective_number", "beta": 0.0}, [1.0, 1.0, 1.0, 1.0]),
    ({"methods": []}, [1.0, 1.0, 1.0, 1.0]),
    ({"methods": ["logit_adjustment"]}, [1.0, 1.0, 1.0, 1.0]),
]


@pytest.mark.parametrize(("values", "expected"), BY_HAND)
def test_weights_by_hand_with_one_for_a_class_without_images(values, expected):
    weights = class_weights(LABELS, 4, BalanceConfig(**values))
    np.testing.assert_allclose(weights, expected, atol=1e-6)
    assert weights[LABELS].mean() == pytest.approx(1.0)


def test_inverse_frequencies_are_scikit_learn_s_balanced_weights():
    labels = np.repeat(np.arange(5), [50, 20, 10, 7, 3])
    expected = compute_class_weight("balanced", classes=np.arange(5), y=labels)
    np.testing.assert_allclose(class_weights(labels, 5, BalanceConfig(power=1.0)), expected)


def test_effective_number_of_isic_2019_s_classes():
    counts = np.array([12875, 239])  # NV and DF
    # 1000 (1 - 0.999^12875) = 999.997, and 1000 (1 - 0.999^239) = 212.67.
    effective = 1 / inverse_effective_number(counts, 0.999)
    np.testing.assert_allclose(effective, [999.997, 212.67], rtol=1e-4)


def test_effective_number_goes_from_equal_weights_to_inverse_frequencies():
    counts = np.array([1000, 100, 10])
    # One image counts as one under every beta.
    np.testing.assert_allclose(inverse_effective_number(np.ones(1, int), 0.37), [1.0])
    nearly_one = inverse_effective_number(counts, 1 - 1e-9)
    np.testing.assert_allclose(nearly_one * counts, 1.0, rtol=1e-6)
    assert np.ptp(inverse_effective_number(counts, 1e-9)) < 1e-8
    between = inverse_effective_number(counts, 0.99)
    frequency = inverse_frequency(counts, 1.0)
    assert 1 < between[2] / between[0] < frequency[2] / frequency[0]


def test_prior_is_the_share_of_the_images_and_no_offset_for_a_class_without():
    np.testing.assert_allclose(class_prior(LABELS, 4), [0.6, 0.3, 1.0, 0.1])
