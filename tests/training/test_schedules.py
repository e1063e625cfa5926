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
    # Warm-up of 10 steps over the first cycle; the restarts at 20 and 60 are not warmed up again.
    # Step 4: 0.5 (1 + cos(pi / 5)) / 2, step 9: (1 + cos(9 pi / 20)) / 2, step 21: (1 + cos(pi /
    # 40)) / 2.
    (
        {
            "name": "cosine_restarts",
            "first_cycle_epochs": 2,
            "final_fraction": 0,
            "warmup_epochs": 1,
        },
        {0: 0.1, 4: 0.452254, 9: 0.578217, 10: 0.5, 19: 0.006156, 20: 1, 21: 0.998459, 60: 1},
    ),
    # Warm-up of 30 steps beyond the first restart: 21/30 and 26/30 of (1 + cos(pi / 8)) / 2.
    (
        {
            "name": "cosine_restarts",
            "first_cycle_epochs": 2,
            "final_fraction": 0,
            "warmup_epochs": 3,
        },
        {0: 1 / 30, 10: 0.5 * 11 / 30, 20: 0.7, 25: 0.833681, 40: 0.5},
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
        {"name": "step", "step_epochs": 2, "factor": 0.5, "warmup_epochs": 3},
        {0: 1 / 30, 19: 2 / 3, 20: 0.35, 29: 0.5, 40: 0.25},
    ),
    (
        {"name": "linear", "decay_epochs": 2, "warmup_epochs": 1},
        {0: 0.1, 9: 1, 40: 1, 50: 0.5, 60: 0},
    ),
    (
        {"name": "polynomial", "power": 2, "warmup_epochs": 1},
        # 0.1, half of (55 / 60)^2 at step 4 (0.5 * (56 / 60)^2), (1 / 2)^2.
        {0: 0.1, 4: 0.435556, 30: 0.25, 60: 0},
    ),
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


@pytest.mark.parametrize("steps_per_epoch", [1, 7, 236, 793, 2371])
@pytest.mark.parametrize("factor", [1, 2, 3])
def test_the_rate_jumps_up_at_the_start_of_each_cycle_and_nowhere_else(steps_per_epoch, factor):
    values = {"first_cycle_epochs": 10, "cycle_factor": factor, "final_fraction": 0}
    rate = learning_rate(1.0, ScheduleConfig(**values), steps_per_epoch, 130)
    # SGDR, section 3: cycles of T, T * factor, T * factor ** 2, ...
    starts = 10 * steps_per_epoch * np.cumsum([factor**cycle for cycle in range(3)])
    assert [float(rate(np.int32(start))) for start in starts] == [1.0, 1.0, 1.0]
    before, after = ([float(rate(np.int32(s + d))) for s in starts] for d in (-1, 1))
    assert max(before) < 0.03
    assert min(after) > 0.97


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


RESTARTS = {"name": "cosine_restarts", "first_cycle_epochs": 0.8, "cycle_factor": 2}


@pytest.mark.parametrize(
    ("values", "done", "restarts"),
    [
        (RESTARTS, 11, False),  # Three steps into the second cycle of 8 and 16.
        (RESTARTS, 5, True),  # The restart at step 8 comes after the resumption,
        (RESTARTS, 8, False),  # is its first step,
        ({**RESTARTS, "warmup_epochs": 1}, 6, True),  # comes during the warm-up.
        ({**RESTARTS, "cycle_factor": 1}, 20, True),  # The third of equal cycles, at step 24.
        ({"name": "linear", "decay_epochs": 5.5, "warmup_epochs": 2}, 11, False),  # Both slopes.
    ],
)
def test_resuming_in_the_middle_of_a_cycle_changes_nothing(tmp_path, values, done, restarts):
    whole = _compiled(values)
    _rates_and_weights(whole, done)
    whole.save_weights(tmp_path / "epoch.weights.h5")
    expected = _rates_and_weights(whole, 8)
    resumed = _compiled(values)
    resumed.load_weights(tmp_path / "epoch.weights.h5")
    np.testing.assert_allclose(_rates_and_weights(resumed, 8), expected, rtol=1e-6)
    assert len(set(expected[::2])) == 8
    assert (max(np.diff(expected[::2])) > 0.05) == restarts
