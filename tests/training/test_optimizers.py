from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from skinnet_keras.config import OptimizerConfig, ScheduleConfig
from skinnet_keras.training.optimizers import build_optimizer, learning_rate


def test_cosine_restarts_where_the_config_says():
    schedule = ScheduleConfig(first_cycle_epochs=2, cycle_factor=2, final_fraction=0.0)
    rate = learning_rate(0.1, schedule, steps_per_epoch=10)
    # Cycles of 20 and 40 steps.
    for step, fraction in [(0, 0.0), (10, 0.5), (20, 0.0), (40, 0.5), (60, 0.0)]:
        expected = 0.1 * 0.5 * (1 + math.cos(math.pi * fraction))
        assert float(rate(step)) == pytest.approx(expected, rel=1e-4), step


def test_constant_schedule_is_the_number_itself():
    assert learning_rate(0.1, ScheduleConfig(name="constant"), 10) == 0.1


def test_adamw_decays_kernels_and_leaves_biases_alone():
    config = OptimizerConfig(
        learning_rate=0.1, weight_decay=0.5, schedule=ScheduleConfig(name="constant")
    )
    optimizer = build_optimizer(config, 10)
    kernel = keras.Variable(np.ones((2,)), name="kernel")
    bias = keras.Variable(np.ones((2,)), name="bias")
    zeros = keras.ops.zeros((2,))
    optimizer.apply([zeros, zeros], [kernel, bias])
    np.testing.assert_allclose(kernel.numpy(), 1 - 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(bias.numpy(), 1.0)
