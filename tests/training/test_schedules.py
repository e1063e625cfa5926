from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.config import OptimizerConfig, ScheduleConfig
from skinnet_keras.training.optimizers import build_optimizer
from skinnet_keras.training.schedules import learning_rate

STEPS_PER_EPOCH, EPOCHS = 10, 6

# Rates at steps, for a rate of 1, worked out by hand.
TABLES = [
    # Cycles of 20 and 40 steps.
    (
        {"name": "cosine_restarts", "first_cycle_epochs": 2, "final_fraction": 0},
        {0: 1, 5: 0.853553, 10: 0.5, 19: 0.006156, 20: 1, 40: 0.5, 50: 0.146447, 60: 1},
    ),
    (
        {"name": "cosine_restarts", "first_cycle_epochs": 2, "cycle_factor": 1},
        {0: 1, 10: 0.505, 20: 1, 30: 0.505, 45: 0.855018},
    ),
    ({"name": "cosine", "final_fraction": 0.1}, {0: 1, 30: 0.55, 45: 0.231802, 60: 0.1, 70: 0.1}),
    ({"name": "polynomial"}, {0: 1, 30: 0.535887, 59: 0.025100, 60: 0, 70: 0}),
    ({"name": "polynomial", "power": 2}, {0: 1, 30: 0.25, 60: 0}),
    ({"name": "linear", "decay_epochs": 2}, {0: 1, 40: 1, 50: 0.5, 59: 0.05, 60: 0, 70: 0}),
    ({"name": "linear", "decay_epochs": 100}, {0: 1, 30: 0.5, 60: 0}),
    (
        {"name": "step", "step_epochs": 2, "factor": 0.5},
        {0: 1, 19: 1, 20: 0.5, 39: 0.5, 40: 0.25, 59: 0.25},
    ),
    ({"name": "constant", "warmup_epochs": 1}, {0: 0.1, 4: 0.5, 9: 1, 10: 1, 59: 1}),
    (
        {"name": "cosine", "final_fraction": 0, "warmup_epochs": 1},
        {0: 0.1, 4: 0.494537, 9: 0.945503, 10: 0.933013, 30: 0.5, 60: 0},
    ),
]


@pytest.mark.parametrize(("values", "table"), TABLES)
def test_rates_at_steps(values, table):
    rate = learning_rate(1.0, ScheduleConfig(**values), STEPS_PER_EPOCH, EPOCHS)
    found = {step: float(rate(np.int32(step))) for step in table}
    assert found == pytest.approx(table, abs=2e-6)


def test_constant_rate_is_the_number_itself():
    assert learning_rate(0.1, ScheduleConfig(name="constant"), STEPS_PER_EPOCH, EPOCHS) == 0.1


@pytest.mark.parametrize(("values", "table"), TABLES)
def test_schedules_are_saved_and_loaded_with_their_optimizer(values, table):
    config = OptimizerConfig(learning_rate=1, schedule=ScheduleConfig(**values))
    saved = keras.optimizers.serialize(build_optimizer(config, STEPS_PER_EPOCH, EPOCHS))
    loaded = keras.optimizers.deserialize(saved)
    for step, expected in table.items():
        loaded.iterations.assign(step)
        assert float(loaded.learning_rate) == pytest.approx(expected, abs=2e-6)


def _compiled(values):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1, use_bias=False)])
    config = OptimizerConfig(learning_rate=0.1, schedule=ScheduleConfig(**values))
    model.compile(build_optimizer(config, STEPS_PER_EPOCH, EPOCHS), loss="mse")
    model.optimizer.build(model.trainable_variables)
    return model


def _rates_and_weights(model, steps):
    seen = []
    for _ in range(steps):
        seen.append(float(model.optimizer.learning_rate))
        model.train_on_batch(np.ones((2, 1)), np.full((2, 1), 7.0))
        seen.append(float(model.get_weights()[0][0, 0]))
    return seen


@pytest.mark.parametrize(
    "values",
    [
        {"name": "cosine_restarts", "first_cycle_epochs": 0.8, "cycle_factor": 2},
        {"name": "linear", "decay_epochs": 5.5, "warmup_epochs": 2},
    ],
)
def test_resuming_in_the_middle_of_a_cycle_changes_nothing(tmp_path, values):
    whole = _compiled(values)
    _rates_and_weights(whole, 11)  # Three steps into the second cycle, or inside both slopes.
    whole.save_weights(tmp_path / "epoch.weights.h5")
    expected = _rates_and_weights(whole, 8)
    resumed = _compiled(values)
    resumed.load_weights(tmp_path / "epoch.weights.h5")
    np.testing.assert_allclose(_rates_and_weights(resumed, 8), expected, rtol=1e-6)
    assert len(set(expected[::2])) == 8
