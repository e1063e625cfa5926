from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models.segmentation.blocks.drop_path import DropPath


def test_inference_and_rate_zero_change_nothing():
    x = np.ones((4, 2, 3), "float32")
    np.testing.assert_array_equal(DropPath(0.5)(x, training=False), x)
    np.testing.assert_array_equal(DropPath(0.0)(x, training=True), x)


@pytest.mark.parametrize("shape", [(3,), (5, 3), (2, 2, 3)])
def test_training_drops_whole_samples_and_keeps_the_mean(shape):
    x = np.random.default_rng(0).uniform(1, 2, (4000, *shape)).astype("float32")
    ratio = np.asarray(DropPath(0.2, seed=1)(x, training=True)) / x
    first = ratio.reshape(4000, -1)[:, :1]
    np.testing.assert_allclose(ratio.reshape(4000, -1) - first, 0.0, atol=1e-6)
    kept = first > 0
    np.testing.assert_allclose(first[kept], 1.25, rtol=1e-6)
    assert 0.77 < kept.mean() < 0.83


def test_draws_differ_from_call_to_call():
    layer, x = DropPath(0.5, seed=1), np.ones((64, 1), "float32")
    assert np.any(np.asarray(layer(x, training=True)) != np.asarray(layer(x, training=True)))


def test_batches_of_unknown_size_train_in_a_graph():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, DropPath(0.5)(keras.layers.Dense(1)(inputs)))
    model.compile(loss="mse")
    x = np.random.default_rng(0).normal(size=(5, 3))
    history = model.fit(x, np.ones((5, 1)), batch_size=2, verbose=0)
    assert np.isfinite(history.history["loss"]).all()


def test_round_trip():
    inputs = keras.Input((4, 3))
    model = keras.Model(inputs, DropPath(0.1, seed=3)(inputs))
    again = keras.Model.from_config(model.get_config())
    layer = again.layers[-1]
    assert (layer.rate, layer.seed) == (0.1, 3)
    assert again.output_shape == (None, 4, 3)


@pytest.mark.parametrize("rate", [-0.1, 1.0])
def test_impossible_rates_are_refused(rate):
    with pytest.raises(ValueError, match=r"rate must be in \[0, 1\)"):
        DropPath(rate)
