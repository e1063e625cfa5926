from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.config import BalanceConfig, LossConfig
from skinnet_keras.training.class_balance import class_weights
from skinnet_keras.training.losses import (
    best_constant_prediction,
    classification_loss,
    set_l2,
)


def _one_hot_and_probabilities(k: int = 4, n: int = 50):
    generator = np.random.default_rng(1)
    labels = generator.integers(0, k, n)
    return np.eye(k, dtype="float32")[labels], generator.dirichlet(np.ones(k), n).astype("float32")


def test_focal_loss_follows_the_published_formula_with_alpha_from_the_classes():
    labels = np.repeat([0, 1, 2, 3], [70, 20, 9, 1])
    balance = BalanceConfig(power=1.0)
    loss = classification_loss(LossConfig(gamma=2.0), balance, labels, 4)
    y, p = _one_hot_and_probabilities()
    true = (y * p).sum(axis=1)
    alpha = class_weights(labels, 4, balance)[y.argmax(axis=1)]
    expected = -alpha * (1 - true) ** 2 * np.log(true)
    np.testing.assert_allclose(loss.call(y, p), expected, rtol=1e-4, atol=1e-6)


def test_focal_with_gamma_zero_is_exactly_the_cross_entropy():
    labels = np.array([0, 1, 2, 2])
    y, p = _one_hot_and_probabilities()
    for methods in ([], ["focal_alpha"], ["logit_adjustment"]):
        balance = BalanceConfig(methods=methods)
        focal = classification_loss(LossConfig(gamma=0.0), balance, labels, 4)
        entropy = classification_loss(LossConfig(name="cross_entropy"), balance, labels, 4)
        np.testing.assert_array_equal(focal.call(y, p), entropy.call(y, p))


def test_alpha_in_the_cross_entropy_is_that_of_sample_weights():
    labels = np.repeat([0, 1, 2, 3], [70, 20, 9, 1])
    balance = BalanceConfig(weighting="effective_number")
    y, p = _one_hot_and_probabilities()
    weighted = classification_loss(LossConfig(name="cross_entropy"), balance, labels, 4)
    weights = class_weights(labels, 4, balance)[y.argmax(axis=1)]
    expected = keras.losses.CategoricalCrossentropy()(y, p, sample_weight=weights)
    assert float(weighted(y, p)) == pytest.approx(float(expected), rel=1e-5)


def test_prior_and_tau_reach_the_loss_and_the_data_s_methods_do_not():
    labels = np.repeat([0, 1, 3], [6, 3, 1])
    adjusted = BalanceConfig(methods=["logit_adjustment"], tau=0.5)
    loss = classification_loss(LossConfig(), adjusted, labels, 4)
    assert (loss.prior, loss.tau, loss.alpha) == ([0.6, 0.3, 1.0, 0.1], 0.5, None)
    for method in ("class_weights", "balanced_sampling"):
        loss = classification_loss(LossConfig(), BalanceConfig(methods=[method]), labels, 4)
        assert (loss.prior, loss.alpha) == (None, None)


SHARES = np.array([0.6, 0.3, 0.095, 0.005])
SKEWED = np.repeat([0, 1, 2, 3], [600, 300, 95, 5])
CONSTANTS = [
    # Cross-entropy: the shares; weighted: shares times weights, over their sum.
    ({}, {"methods": []}, SHARES),
    ({}, {"power": 1.0}, np.full(4, 0.25)),
    ({}, {"power": 0.5}, SHARES**0.5 / (SHARES**0.5).sum()),
    # Smoothed: nine tenths of the shares and a tenth of 1/4.
    ({"label_smoothing": 0.1}, {"methods": []}, 0.9 * SHARES + 0.025),
    # Adjusted by tau: shares / shares ** tau.
    ({}, {"methods": ["logit_adjustment"]}, np.full(4, 0.25)),
    ({}, {"methods": ["logit_adjustment"], "tau": 0.5}, SHARES**0.5 / (SHARES**0.5).sum()),
]


@pytest.mark.parametrize(("loss", "balance", "expected"), CONSTANTS)
def test_best_constant_of_a_cross_entropy_is_known(loss, balance, expected):
    config = LossConfig(name="cross_entropy", **loss)
    loss = classification_loss(config, BalanceConfig(**balance), SKEWED, 4)
    np.testing.assert_allclose(best_constant_prediction(SKEWED, loss, 4), expected, atol=3e-3)


def test_best_constant_spends_nothing_on_a_class_without_images():
    labels = np.repeat([0, 1], [70, 30])
    for methods in ([], ["focal_alpha"], ["logit_adjustment"]):
        balance = BalanceConfig(methods=methods)
        for config in (LossConfig(), LossConfig(name="cross_entropy")):
            loss = classification_loss(config, balance, labels, 3)
            assert best_constant_prediction(labels, loss, 3)[2] < 0.01


@pytest.mark.parametrize("config", [{}, {"gamma": 0.5, "label_smoothing": 0.1}])
@pytest.mark.parametrize(
    "balance",
    [{"methods": []}, {}, {"weighting": "effective_number"}, {"methods": ["logit_adjustment"]}],
)
def test_no_other_constant_beats_the_best_one_under_a_focal_loss(config, balance):
    loss = classification_loss(LossConfig(**config), BalanceConfig(**balance), SKEWED, 4)

    def mean_loss(p):
        return float(SHARES @ loss.call(np.eye(4), np.tile(p, (4, 1))).numpy())

    best = best_constant_prediction(SKEWED, loss, 4)
    generator = np.random.default_rng(0)
    near = best * np.exp(generator.normal(0, 0.2, (100, 4)))
    far = generator.dirichlet(np.ones(4), 100)
    for other in np.concatenate([near, far]):
        assert mean_loss(other / other.sum()) >= mean_loss(best) - 2e-6


def test_l2_is_the_sum_of_squared_kernels_only():
    model = keras.Sequential(
        [keras.Input((3,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    set_l2(model, 0.1)
    kernel = model.layers[0].get_weights()[0]
    assert float(sum(model.losses)) == pytest.approx(0.1 * (kernel**2).sum(), rel=1e-5)
    set_l2(model, 0.0)
    assert not model.losses
