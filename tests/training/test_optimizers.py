from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.config import OptimizerConfig, ScheduleConfig
from skinnet_keras.training.losses import set_l2
from skinnet_keras.training.optimizers import build_optimizer


def _optimizer(name, **values):
    schedule = ScheduleConfig(name="constant")
    config = OptimizerConfig(name=name, learning_rate=0.1, schedule=schedule, **values)
    return build_optimizer(config, steps_per_epoch=10, epochs=1)


# A weight that starts at 1, after a gradient of 1 and after one of -2, by hand.
@pytest.mark.parametrize(
    ("name", "values", "after"),
    [
        # Step 2: mean (0.25 - 1) / 0.75 = -1, variance 0.49 / 0.19.
        ("adam", {"beta_1": 0.5, "beta_2": 0.9}, [0.9, 0.962270]),
        # Decay first (1 - 0.1 * 0.5), then Adam's step.
        ("adamw", {"beta_1": 0.5, "beta_2": 0.9, "weight_decay": 0.5}, [0.85, 0.869770]),
        ("sgd", {"momentum": 0.0}, [0.9, 1.1]),
        # Velocity -0.1, then 0.9 * -0.1 + 0.2.
        ("sgd", {"momentum": 0.9}, [0.9, 1.01]),
        ("sgd", {"momentum": 0.9, "nesterov": True}, [0.81, 1.109]),
    ],
)
def test_two_steps_of_each_optimizer(name, values, after):
    optimizer, weight = _optimizer(name, **values), keras.Variable([1.0], name="kernel")
    found = []
    for gradient in (1.0, -2.0):
        optimizer.apply([keras.ops.convert_to_tensor([gradient])], [weight])
        found.append(float(weight.numpy()[0]))
    assert found == pytest.approx(after, abs=2e-6)


def test_clip_norm_is_that_of_all_gradients_together():
    optimizer = _optimizer("sgd", momentum=0.0, clip_norm=1.0)
    weights = [keras.Variable([1.0]), keras.Variable([1.0])]
    optimizer.apply([keras.ops.convert_to_tensor([g]) for g in (3.0, 4.0)], weights)
    found = [float(weight.numpy()[0]) for weight in weights]
    assert found == pytest.approx([1 - 0.1 * 3 / 5, 1 - 0.1 * 4 / 5])


def test_adamw_decays_kernels_and_leaves_biases_alone():
    optimizer = _optimizer("adamw", weight_decay=0.5)
    kernel, bias = (keras.Variable(np.ones((2,)), name=name) for name in ("kernel", "bias"))
    zeros = keras.ops.zeros((2,))
    optimizer.apply([zeros, zeros], [kernel, bias])
    np.testing.assert_allclose(kernel.numpy(), 1 - 0.1 * 0.5, rtol=1e-6)
    np.testing.assert_allclose(bias.numpy(), 1.0)


def test_l2_of_half_the_weight_decay_is_that_of_pytorch_s_sgd():
    model = keras.Sequential(
        [keras.Input((1,)), keras.layers.Dense(1, use_bias=False, kernel_initializer="ones")]
    )
    set_l2(model, 0.2 / 2)
    model.compile(_optimizer("sgd", momentum=0.9), loss="mse")
    found = []
    for _ in range(2):
        model.train_on_batch(np.zeros((1, 1)), np.zeros((1, 1)))
        found.append(float(model.get_weights()[0][0, 0]))
    # Gradient 0.2 * w only: buffer 0.2, then 0.9 * 0.2 + 0.2 * 0.98.
    assert found == pytest.approx([1 - 0.1 * 0.2, 0.98 - 0.1 * 0.376])
