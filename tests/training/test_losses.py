from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.config import BalanceConfig, LossConfig
from skinnet_keras.training.losses import (
    best_constant_prediction,
    class_weights,
    classification_loss,
    set_l2,
)

NO_BALANCE = BalanceConfig(methods=[])


def _one_hot_and_probabilities(k: int = 4, n: int = 50):
    generator = np.random.default_rng(1)
    labels = generator.integers(0, k, n)
    return np.eye(k, dtype="float32")[labels], generator.dirichlet(np.ones(k), n).astype("float32")


def test_focal_loss_follows_the_published_formula_with_alpha_from_the_classes():
    labels = np.repeat([0, 1, 2, 3], [70, 20, 9, 1])
    loss = classification_loss(LossConfig(gamma=2.0), BalanceConfig(power=1.0), labels, 4)
    y, p = _one_hot_and_probabilities()
    true = (y * p).sum(axis=1)
    alpha = class_weights(labels, 4, 1.0)[y.argmax(axis=1)]
    expected = -alpha * (1 - true) ** 2 * np.log(true)
    np.testing.assert_allclose(loss.call(y, p), expected, rtol=1e-4, atol=1e-6)


def test_focal_with_gamma_zero_and_cross_entropy_are_the_same():
    labels = np.array([0, 1, 2, 3])
    y, p = _one_hot_and_probabilities()
    focal = classification_loss(LossConfig(gamma=0.0), NO_BALANCE, labels, 4)
    entropy = classification_loss(LossConfig(name="cross_entropy"), NO_BALANCE, labels, 4)
    expected = float(keras.losses.CategoricalCrossentropy()(y, p))
    assert float(focal(y, p)) == pytest.approx(expected, rel=1e-5)
    assert float(entropy(y, p)) == pytest.approx(expected, rel=1e-5)


def test_class_weights_are_inverse_shares_with_mean_one_over_the_images():
    labels = np.repeat([0, 1, 3], [6, 3, 1])
    weights = class_weights(labels, 4, 1.0)
    np.testing.assert_allclose(weights[[0, 1, 3]] / weights[0], [1, 2, 6])
    assert weights[labels].mean() == pytest.approx(1.0)
    assert weights[2] == 1.0  # a class without images
    np.testing.assert_allclose(class_weights(labels, 4, 0.0), 1.0)
    assert class_weights(labels, 4, 0.5)[3] / class_weights(labels, 4, 0.5)[0] == pytest.approx(
        6**0.5
    )


def test_best_constant_of_cross_entropy_is_the_class_distribution():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    loss = classification_loss(LossConfig(name="cross_entropy"), NO_BALANCE, labels, 3)
    np.testing.assert_allclose(
        best_constant_prediction(labels, loss, 3), [0.6, 0.3, 0.1], atol=5e-3
    )


def test_no_other_constant_beats_the_best_one_under_the_focal_loss():
    labels = np.repeat([0, 1, 2], [60, 30, 10])
    loss = classification_loss(LossConfig(), BalanceConfig(power=0.5), labels, 3)
    y = np.eye(3, dtype="float32")[labels]
    best = best_constant_prediction(labels, loss, 3)
    score = float(loss(y, np.tile(best, (100, 1))))
    for other in np.random.default_rng(0).dirichlet(np.ones(3), 200).astype("float32"):
        assert float(loss(y, np.tile(other, (100, 1)))) >= score - 1e-4


def test_l2_is_the_sum_of_squared_kernels_only():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    set_l2(model, 0.1)
    kernel = model.layers[0].get_weights()[0]
    assert float(sum(model.losses)) == pytest.approx(0.1 * (kernel**2).sum(), rel=1e-5)
    set_l2(model, 0.0)
    assert not model.losses
