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


# Three steps on two images of a line through two pixels, against the papers' formulas in NumPy.
X, Y = np.array([[1.0, -2.0], [0.5, 3.0]]), np.array([[4.0], [-1.0]])
KERNEL, BIAS = np.array([0.6, -0.4]), np.array([0.2])
L2 = 0.05


def _gradients(weights: list[np.ndarray], l2: float) -> list[np.ndarray]:
    """Of the mean squared error + l2 * sum(kernel ** 2), for kernel and bias."""
    kernel, bias = weights
    error = X @ kernel + bias - Y[:, 0]
    return [X.T @ error + 2 * l2 * kernel, np.array([error.sum()])]  # 2 / n is 1


def _clipped(gradients: list[np.ndarray], limit: float | None) -> list[np.ndarray]:
    norm = np.sqrt(sum((g**2).sum() for g in gradients))
    return gradients if limit is None else [g * limit / max(norm, limit) for g in gradients]


def _adam(rate, decay=0.0, beta_1=0.9, beta_2=0.999, l2=0.0, clip=None):
    """Algorithm 1 of arXiv:1412.6980; with a decay of the kernel, 2 of arXiv:1711.05101."""
    weights = [KERNEL, BIAS]
    m, v = ([np.zeros_like(w) for w in weights] for _ in range(2))
    for t in (1, 2, 3):
        gradients = _clipped(_gradients(weights, l2), clip)
        for i, g in enumerate(gradients):
            m[i] = beta_1 * m[i] + (1 - beta_1) * g
            v[i] = beta_2 * v[i] + (1 - beta_2) * g**2
            step = m[i] / (1 - beta_1**t) / (np.sqrt(v[i] / (1 - beta_2**t)) + 1e-8)
            weights[i] = weights[i] - rate * (step + (decay if i == 0 else 0) * weights[i])
        yield weights.copy()


def _nesterov(rate, momentum=0.9, l2=0.0, clip=None):
    """Sutskever et al. 2013, equations 3 and 4: the gradient is taken where momentum leads.

    Keras keeps that point, theta + momentum * v, as its weights.
    """
    theta = [KERNEL, BIAS]
    v = [np.zeros_like(w) for w in theta]
    for _ in range(3):
        ahead = [w + momentum * u for w, u in zip(theta, v, strict=True)]
        gradients = _clipped(_gradients(ahead, l2), clip)
        v = [momentum * u - rate * g for u, g in zip(v, gradients, strict=True)]
        theta = [w + u for w, u in zip(theta, v, strict=True)]
        yield [w + momentum * u for w, u in zip(theta, v, strict=True)]


@pytest.mark.parametrize(
    ("name", "values", "l2", "reference"),
    [
        ("adam", {}, 0, _adam(0.1)),
        ("adam", {}, L2, _adam(0.1, l2=L2)),
        ("adam", {"beta_1": 0.5, "clip_norm": 1.0}, 0, _adam(0.1, beta_1=0.5, clip=1.0)),
        ("adamw", {}, 0, _adam(0.1, decay=1e-4)),
        ("adamw", {"weight_decay": 0.5}, 0, _adam(0.1, decay=0.5)),
        ("adamw", {"weight_decay": 0.5}, L2, _adam(0.1, decay=0.5, l2=L2)),
        ("adamw", {"clip_norm": 1.0}, 0, _adam(0.1, decay=1e-4, clip=1.0)),
        ("sgd", {"nesterov": True}, 0, _nesterov(0.1)),
        ("sgd", {"nesterov": True}, L2, _nesterov(0.1, l2=L2)),
        ("sgd", {"nesterov": True, "clip_norm": 1.0}, 0, _nesterov(0.1, clip=1.0)),
        ("sgd", {"momentum": 0.0}, L2, _nesterov(0.1, momentum=0.0, l2=L2)),
    ],
)
def test_three_steps_of_a_model_follow_the_papers(name, values, l2, reference):
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.set_weights([KERNEL[:, None], BIAS])
    set_l2(model, l2)
    model.compile(_optimizer(name, **values), loss="mse", run_eagerly=True)
    for kernel, bias in reference:
        model.train_on_batch(X, Y)
        found = model.get_weights()
        np.testing.assert_allclose(found[0][:, 0], kernel, rtol=2e-5)
        np.testing.assert_allclose(found[1], bias, rtol=2e-5)


def test_normalisation_is_not_decayed_either():
    model = keras.Sequential(
        [keras.Input((2,)), keras.layers.Dense(2), keras.layers.BatchNormalization()]
    )
    optimizer = _optimizer("adamw", weight_decay=0.5)
    optimizer.build(model.trainable_weights)
    before = [w.numpy().copy() for w in model.trainable_weights]
    optimizer.apply([keras.ops.zeros(w.shape) for w in before], model.trainable_weights)
    shrunk = {
        w.name: not np.allclose(w.numpy(), old)
        for w, old in zip(model.trainable_weights, before, strict=True)
    }
    assert shrunk == {"kernel": True, "bias": False, "gamma": False, "beta": False}
