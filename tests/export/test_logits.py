"""Masks compared as logits."""

from __future__ import annotations

import numpy as np
import pytest

from skinnet_keras.export.logits import logits_of, relative_logit_difference


def _sigmoid(logits):
    return (1 / (1 + np.exp(-logits))).astype(np.float32)


def test_float32_probabilities_give_their_logits_back_within_the_bound():
    logits = np.linspace(-4, 4, 1001)
    np.testing.assert_allclose(logits_of(_sigmoid(logits)), logits, atol=4e-6)
    assert logits_of(np.array([0.0, 1.0])) == pytest.approx([-27.6, 27.6], abs=0.1)


def test_difference_is_relative_to_the_spread_of_all_pixels():
    logits = np.array([[-20.0, -1.0, 0.5, 3.0, 20.0]])
    moved = logits + np.array([9.0, 0.2, -0.4, 0.1, -9.0])
    assert relative_logit_difference(_sigmoid(moved), logits) == pytest.approx(0.01, rel=1e-4)
    assert relative_logit_difference(_sigmoid(logits), logits) < 1e-6


def test_masks_without_a_pixel_near_the_outline_are_not_compared():
    logits = np.array([-9.0, 9.0])
    assert relative_logit_difference(np.array([0.5, 0.5]), logits) is None


def test_what_is_no_number_stays_none():
    assert np.isnan(relative_logit_difference(np.array([np.nan, 0.5]), np.array([0.0, 1.0])))
