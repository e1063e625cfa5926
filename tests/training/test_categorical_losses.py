"""The classifiers' loss against tables worked out by hand, against Keras, and at its edges."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from skinnet_keras.training.categorical_losses import CategoricalFocal

SETTINGS = [
    {"gamma": 0.0},
    {"gamma": 2.0},
    {"gamma": 0.5, "alpha": [0.2, 1.0, 3.0]},
    {"gamma": 0.0, "alpha": [0.2, 1.0, 3.0], "label_smoothing": 0.1},
    {"gamma": 0.0, "prior": [0.7, 0.2, 0.1]},
    {"gamma": 1.5, "prior": [0.7, 0.2, 0.1], "tau": 0.5, "label_smoothing": 0.2},
]
every_setting = pytest.mark.parametrize("settings", SETTINGS)

# ln 2 = 0.693147, ln 4 = 1.386294.
P = [0.5, 0.25, 0.25]
HARD, SOFT = [0.0, 1.0, 0.0], [0.5, 0.5, 0.0]
BY_HAND = [
    # -ln 1/4.
    ({"gamma": 0.0}, HARD, 1.386294),
    # (3/4)^2 * 1.386294.
    ({"gamma": 2.0}, HARD, 0.779791),
    # Three times that.
    ({"gamma": 2.0, "alpha": [1, 3, 5]}, HARD, 2.339372),
    # Weighted cross-entropy: 3 * 1.386294.
    ({"gamma": 0.0, "alpha": [1, 3, 5]}, HARD, 4.158883),
    # 0.5 ln 2 + 0.5 ln 4.
    ({"gamma": 0.0}, SOFT, 1.039721),
    # 0.5 * (1/2)^2 ln 2 + 0.5 * (3/4)^2 ln 4 = 0.086643 + 0.389895.
    ({"gamma": 2.0}, SOFT, 0.476539),
    # The first term once, the second three times: 0.086643 + 1.169686.
    ({"gamma": 2.0, "alpha": [1, 3, 5]}, SOFT, 1.256329),
    # Labels 0.1, 0.8, 0.1: 0.1 * 0.693147 + 0.9 * 1.386294.
    ({"gamma": 0.0, "label_smoothing": 0.3}, HARD, 1.316979),
    # p * prior = 0.4, 0.025, 0.025, of which the second is 1/18: ln 18.
    ({"gamma": 0.0, "prior": [0.8, 0.1, 0.1]}, HARD, 2.890372),
    # tau 1/2: p * root = 0.447214, 0.0790569, 0.0790569, of which the second is 0.130602.
    ({"gamma": 0.0, "prior": [0.8, 0.1, 0.1], "tau": 0.5}, HARD, 2.035601),
    ({"gamma": 0.0, "prior": [0.8, 0.1, 0.1], "tau": 0.0}, HARD, 1.386294),
    # (17/18)^2 ln 18, and a soft label: q = 16/18, 1/18, 1/18, 0.5 ln(18/16) + 0.5 ln 18.
    ({"gamma": 2.0, "prior": [0.8, 0.1, 0.1]}, HARD, 2.578140),
    ({"gamma": 0.0, "prior": [0.8, 0.1, 0.1]}, SOFT, 1.504077),
]


def probabilities(n: int = 40, k: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """One-hot and soft labels, and probabilities."""
    generator = np.random.default_rng(1)
    hard = np.eye(k, dtype="float32")[generator.integers(0, k, n)]
    soft, p = generator.dirichlet(np.ones(k), (2, n)).astype("float32")
    return hard, soft, p


@pytest.mark.parametrize(("settings", "y", "expected"), BY_HAND)
def test_by_hand(settings, y, expected):
    loss = CategoricalFocal(**settings)
    assert float(loss(np.array([y]), np.array([P]))) == pytest.approx(expected, abs=2e-6)


def test_without_focus_it_is_keras_s_cross_entropy_also_smoothed_and_on_soft_labels():
    hard, soft, p = probabilities()
    for y in (hard, soft):
        for smoothing in (0.0, 0.1):
            own = CategoricalFocal(gamma=0.0, label_smoothing=smoothing)
            keras_s = keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
            np.testing.assert_allclose(own(y, p), keras_s(y, p), rtol=1e-6)


@pytest.mark.parametrize("gamma", [0.5, 2.0, 3.0])
def test_with_focus_it_is_keras_s_focal_loss_also_smoothed_and_on_soft_labels(gamma):
    hard, soft, p = probabilities()
    settings = {"alpha": [0.2, 1.0, 3.0], "gamma": gamma, "label_smoothing": 0.1}
    own = CategoricalFocal(**settings)
    keras_s = keras.losses.CategoricalFocalCrossentropy(**settings)
    for y in (hard, soft):
        np.testing.assert_allclose(own.call(y, p), keras_s.call(y, p), rtol=2e-5, atol=1e-6)


def test_adjusted_loss_is_the_cross_entropy_of_logits_plus_tau_log_prior():
    hard, _, _ = probabilities()
    logits = np.random.default_rng(2).normal(0, 3, hard.shape).astype("float32")
    prior = np.array([0.7, 0.2, 0.1], dtype="float32")
    expected = keras.losses.CategoricalCrossentropy(from_logits=True)(
        hard, logits + 0.8 * np.log(prior)
    )
    loss = CategoricalFocal(gamma=0.0, prior=prior, tau=0.8)
    found = loss(hard, keras.ops.softmax(logits))
    assert float(found) == pytest.approx(float(expected), rel=1e-5)


def test_adjusted_gradient_pushes_a_frequent_class_down_and_a_rare_one_up():
    logits = tf.zeros((1, 2))
    gradients = []
    for prior in (None, [0.9, 0.1]):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            loss = CategoricalFocal(gamma=0.0, prior=prior)([[0.0, 1.0]], tf.nn.softmax(logits))
        gradients.append(tape.gradient(loss, logits).numpy()[0])
    np.testing.assert_allclose(gradients[0], [0.5, -0.5], atol=1e-6)
    np.testing.assert_allclose(gradients[1], [0.9, -0.9], atol=1e-6)


def value_and_gradient(loss, y, p) -> tuple[np.ndarray, np.ndarray]:
    p = tf.convert_to_tensor(p)
    with tf.GradientTape() as tape:
        tape.watch(p)
        value = loss.call(y, p)
    return value.numpy(), tape.gradient(value, p).numpy()


@every_setting
@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_finite_where_probabilities_are_0_or_1(settings, dtype):
    p = np.concatenate([np.eye(3), [[1e-7, 0.0, 1.0], [0.5, 0.5, 0.0]]]).astype(dtype)
    loss = CategoricalFocal(**settings)
    for row in np.concatenate([np.eye(3), [[0.5, 0.5, 0.0]]]):
        value, gradient = value_and_gradient(loss, np.tile(row, (5, 1)).astype(dtype), p)
        assert value.dtype == np.float32
        assert (value >= 0).all()
        # float32: a gradient in float16 overflows where the float32 one is finite.
        assert np.isfinite(value).all()
        if dtype == "float32":
            assert np.isfinite(gradient).all()


@every_setting
def test_half_precision_is_that_of_its_inputs_alone(settings):
    hard, _, p = probabilities()
    loss, half = CategoricalFocal(**settings), p.astype("float16")
    np.testing.assert_allclose(
        loss.call(hard.astype("float16"), tf.constant(half)),
        loss.call(hard, half.astype("float32")),
        rtol=1e-6,
    )


def test_image_that_is_wrong_beyond_doubt_still_has_a_gradient():
    logits = tf.constant([[0.0, 40.0]])  # p of the first is 4e-18
    with tf.GradientTape() as tape:
        tape.watch(logits)
        loss = CategoricalFocal(gamma=2.0)([[1.0, 0.0]], tf.nn.softmax(logits))
    assert float(loss) == pytest.approx(40.0, rel=1e-4)
    np.testing.assert_allclose(tape.gradient(loss, logits), [[-1.0, 1.0]], rtol=1e-4)


@every_setting
def test_a_stored_loss_is_the_same_loss(settings):
    _, soft, p = probabilities()
    loss = CategoricalFocal(**settings, reduction="sum")
    stored = keras.saving.serialize_keras_object(loss)
    assert stored["registered_name"] == "skinnet_keras>CategoricalFocal"
    again = keras.saving.deserialize_keras_object(json.loads(json.dumps(stored)))
    assert again.get_config() == loss.get_config()
    assert settings.items() <= loss.get_config().items()
    np.testing.assert_array_equal(again(soft, p), loss(soft, p))


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"gamma": -1}, "gamma"),
        ({"tau": -1}, "tau"),
        ({"label_smoothing": 1}, "label_smoothing"),
        ({"prior": [0.5, 0.0]}, "prior"),
    ],
)
def test_numbers_out_of_range_are_refused(settings, word):
    with pytest.raises(ValueError, match=word):
        CategoricalFocal(**settings)


ON_JAX = """
import json
import sys
import jax
import keras
import numpy as np
from skinnet_keras.training.categorical_losses import CategoricalFocal

assert keras.backend.backend() == "jax"
data = np.load(sys.argv[1])
results = {}
for n, settings in enumerate(json.loads(sys.argv[2])):
    loss = CategoricalFocal(**settings)
    per_image = jax.jit(lambda p: loss.call(data["y"], p))
    results[f"value_{n}"] = per_image(data["p"])
    results[f"gradient_{n}"] = jax.grad(lambda p: per_image(p).sum())(data["p"])
np.savez(sys.argv[3], **results)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_gives_tensorflow_s_values_and_gradients(tmp_path):
    _, soft, p = probabilities()
    # Edges too: NaN is equal to NaN here, so finite ones are asked for.
    y = np.concatenate([soft, np.eye(3)]).astype("float32")
    p = np.concatenate([p, np.eye(3)[[1, 2, 2]]]).astype("float32")
    np.savez(tmp_path / "data.npz", y=y, p=p)
    paths = tmp_path / "data.npz", tmp_path / "results.npz"
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, paths[0], json.dumps(SETTINGS), paths[1]],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = np.load(paths[1])
    for n, settings in enumerate(SETTINGS):
        value, gradient = value_and_gradient(CategoricalFocal(**settings), y, p)
        assert np.isfinite(results[f"value_{n}"]).all()
        assert np.isfinite(results[f"gradient_{n}"]).all()
        np.testing.assert_allclose(
            results[f"value_{n}"], value, rtol=1e-5, atol=1e-6, err_msg=str(settings)
        )
        # At p = 0 the maximum with the floor is a matter of the backend's taste.
        inner = slice(0, len(soft))
        np.testing.assert_allclose(
            results[f"gradient_{n}"][inner],
            gradient[inner],
            rtol=1e-4,
            atol=1e-5,
            err_msg=str(settings),
        )
