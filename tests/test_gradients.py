from __future__ import annotations

import keras
import numpy as np
import pytest

from gradients import weights_without_gradient

layers = keras.layers


@keras.saving.register_keras_serializable("tests")
class WithoutItsBias(layers.Dense):
    def call(self, inputs):
        return keras.ops.matmul(inputs, self.kernel)


def _missing(*between, width: int = 4) -> list[str]:
    """Weights without gradient of `width` numbers -> `between` -> a dense layer `out`."""
    keras.utils.set_random_seed(0)
    x = inputs = keras.Input((width,), name="x")
    for layer in between:
        x = layer(x)
    model = keras.Model({"x": inputs}, {"y": layers.Dense(2, name="out")(x)})
    numbers = np.random.default_rng(0).normal(size=(8, width))
    return weights_without_gradient(model, {"x": numbers})


def test_connected_weights_all_learn():
    assert _missing(layers.Dense(5), layers.Activation("tanh"), layers.LayerNormalization()) == []


@pytest.mark.parametrize("after", [layers.BatchNormalization, layers.Softmax])
def test_bias_may_go_where_constants_are_ignored(after):
    axis = {"axis": 0} if after is layers.Softmax else {}
    assert _missing(layers.Dense(5, name="one"), after(**axis)) == []


def test_weights_multiplied_by_zero_are_found():
    dead = _missing(layers.Dense(5, name="one"), layers.Rescaling(0.0))
    assert dead == ["one/kernel", "one/bias", "out/kernel"]


def test_weights_behind_a_relu_that_never_fires_are_found():
    before = layers.Dense(5, bias_initializer=keras.initializers.Constant(-99.0), name="one")
    assert _missing(before, layers.Activation("relu")) == ["one/kernel", "one/bias", "out/kernel"]


def test_unused_bias_is_found():
    assert _missing(WithoutItsBias(5, name="one")) == ["one/bias"]


def test_kernel_that_a_normalisation_undoes_is_found():
    # One number in, one out: batch normalisation makes the same of them whatever the factor.
    before = layers.Dense(1, use_bias=False, name="one")
    assert _missing(before, layers.BatchNormalization(epsilon=0.0), width=1) == ["one/kernel"]


def test_gradient_that_is_no_number_is_found():
    assert "one/kernel" in _missing(layers.Dense(5, name="one"), layers.Rescaling(np.inf))


def test_model_stays_as_it_is():
    inputs = keras.Input((4,), name="x")
    model = keras.Model({"x": inputs}, {"y": layers.BatchNormalization()(inputs)})
    before = model.get_weights()
    weights_without_gradient(model, {"x": np.random.default_rng(0).normal(size=(8, 4))})
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(new, old)
