from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.config import OptimizerConfig
from skinnet_keras.training.averaging import LoadAverages, RestoreWeights, continue_averages
from skinnet_keras.training.optimizers import build_optimizer


def averaging_optimizer(ema: float = 0.5) -> keras.optimizers.Optimizer:
    config = OptimizerConfig.model_validate(
        {"name": "sgd", "momentum": 0.0, "schedule": {"name": "constant"}, "learning_rate": 1.0}
    )
    return build_optimizer(config, 1, 1, ema)


def variables(*values: float) -> list[keras.Variable]:
    return [keras.Variable(np.float32(value)) for value in values]


def step(optimizer, trained) -> None:
    """Every weight goes down by 1."""
    optimizer.apply([keras.ops.ones(())] * len(trained), trained)


def averages(optimizer, trained) -> list[float]:
    before = [float(v) for v in trained]
    optimizer.finalize_variable_values(trained)
    values = [float(v) for v in trained]
    for variable, value in zip(trained, before, strict=True):
        variable.assign(value)
    return values


def test_average_starts_at_the_weights_after_the_first_step():
    trained, optimizer = variables(8.0), averaging_optimizer()
    step(optimizer, trained)
    assert averages(optimizer, trained) == [7.0]
    step(optimizer, trained)
    assert averages(optimizer, trained) == [6.5]


@pytest.mark.parametrize("wrap", [lambda x: x, keras.optimizers.LossScaleOptimizer])
def test_averages_go_on_in_the_next_optimiser(wrap):
    a, b = variables(8.0, 20.0)
    first, second = wrap(averaging_optimizer()), wrap(averaging_optimizer())
    first.build([a])
    for _ in range(2):
        step(getattr(first, "inner_optimizer", first), [a])  # a is 6, its average 6.5
    second.build([b, a])
    second.iterations.assign(2)
    continue_averages(second, first)
    assert averages(second, [b, a]) == [20.0, 6.5]
    step(getattr(second, "inner_optimizer", second), [b, a])
    assert averages(second, [b, a]) == [19.5, 5.75]


def test_weights_come_back_exactly():
    inputs = keras.Input((3,))
    model = keras.Model(inputs, keras.layers.Dense(2)(inputs))
    model.compile(averaging_optimizer(0.9), "mse")
    for _ in range(3):
        model.train_on_batch(np.ones((1, 3)), np.ones((1, 2)))
    before = model.get_weights()
    load = LoadAverages()
    restore = RestoreWeights(load)
    load.set_model(model)
    load.on_epoch_end(0)
    assert not np.array_equal(model.get_weights()[0], before[0])
    restore.on_epoch_end(0)
    for actual, expected in zip(model.get_weights(), before, strict=True):
        np.testing.assert_array_equal(actual, expected)
