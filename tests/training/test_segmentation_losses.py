"""The losses on mask logits against formulas written out in NumPy."""

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
from scipy import ndimage

from skinnet_keras.config import SegmentationLossConfig
from skinnet_keras.errors import UserError
from skinnet_keras.training.segmentation_losses import (
    BCEDice,
    BinaryFocal,
    BoundaryBCEIoU,
    Dice,
    Tversky,
    segmentation_loss,
)

SETTINGS = [
    ("bce_dice", {}),
    ("bce_dice", {"bce_weight": 0.4, "dice_weight": 0.6, "smooth": 1e-5, "squared": True}),
    ("dice", {}),
    ("dice", {"smooth": 2.0, "squared": True}),
    ("focal", {}),
    ("focal", {"alpha": None, "gamma": 0.5}),
    ("tversky", {}),
    ("tversky", {"alpha": 0.2, "beta": 0.8, "gamma": 4 / 3, "smooth": 0.5}),
    ("tversky", {"gamma": 0.75}),
    ("boundary_bce_iou", {}),
    ("boundary_bce_iou", {"kernel": 3, "factor": 2.0}),
]
every_setting = pytest.mark.parametrize(("name", "arguments"), SETTINGS)


def configured(name: str, arguments: dict) -> keras.losses.Loss:
    return segmentation_loss(SegmentationLossConfig(name=name, arguments=arguments))


def masks_and_logits(*shape: int) -> tuple[np.ndarray, np.ndarray]:
    """Masks whose lesions differ in size, and logits."""
    generator = np.random.default_rng(0)
    shares = np.linspace(0.1, 0.7, shape[0]).reshape(-1, 1, 1, 1)
    masks = (generator.random(shape) < shares).astype("float32")
    return masks, generator.normal(0, 2, shape).astype("float32")


def value_and_gradient(loss: keras.losses.Loss, y, logits) -> tuple[np.ndarray, np.ndarray]:
    logits = tf.convert_to_tensor(logits)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        per_image = loss.call(y, logits)
    return per_image.numpy(), tape.gradient(per_image, logits).numpy()


# Logits ln 3 and 0: p = 3/4 and 1/2; y = 1 and 0. TP 3/4, FP 1/2, FN 1/4.
ENTROPY = -(np.log(0.75) + np.log(0.5)) / 2
# 3 x 3 pixels around either pixel hold one lesion pixel in nine.
NEAR, FAR = 1 + 5 * 8 / 9, 1 + 5 * 1 / 9
BY_HAND = [
    (BCEDice(), ENTROPY + 1 - (2 * 0.75 + 1) / (1.25 + 1 + 1)),
    (BCEDice(0.4, 0.6), 0.4 * ENTROPY + 0.6 * (1 - 2.5 / 3.25)),
    (Dice(), 1 - 2.5 / 3.25),
    (Dice(smooth=0.5, squared=True), 1 - 2.0 / (9 / 16 + 1 / 4 + 1 + 0.5)),
    (BinaryFocal(), -(0.25 * 0.25**2 * np.log(0.75) + 0.75 * 0.5**2 * np.log(0.5)) / 2),
    (Tversky(), 1 - 1.75 / (0.75 + 0.3 * 0.5 + 0.7 * 0.25 + 1)),
    (Tversky(gamma=4 / 3), (1 - 1.75 / 2.075) ** 0.75),
    (
        BoundaryBCEIoU(kernel=3),
        -(NEAR * np.log(0.75) + FAR * np.log(0.5)) / (NEAR + FAR)
        + 1
        - (NEAR * 0.75 + 1) / (NEAR * 1.75 + FAR * 0.5 - NEAR * 0.75 + 1),
    ),
]


@pytest.mark.parametrize(
    ("loss", "expected"), BY_HAND, ids=[f"{n}-{loss.name}" for n, (loss, _) in enumerate(BY_HAND)]
)
def test_by_hand(loss, expected):
    logits = np.log(np.array([3.0, 1.0], dtype="float32")).reshape(1, 1, 2, 1)
    truth = np.array([1.0, 0.0], dtype="float32").reshape(1, 1, 2, 1)
    assert float(loss(truth, logits)) == pytest.approx(expected, rel=1e-5)


def test_boundary_weights_follow_the_mean_of_the_neighbourhood_with_zeros_beyond_the_image():
    y, logits = masks_and_logits(3, 40, 36, 1)
    y = (ndimage.gaussian_filter(y, (0, 3, 3, 0)) > 0.3).astype("float64")
    assert 0 < y.mean() < 1
    weight = 1 + 5 * np.abs(ndimage.uniform_filter(y, (1, 31, 31, 1), mode="constant") - y)
    p = 1 / (1 + np.exp(-logits.astype("float64")))
    entropy = -(y * np.log(p) + (1 - y) * np.log(1 - p))
    axes = (1, 2, 3)
    both, total = (weight * p * y).sum(axes), (weight * (p + y)).sum(axes)
    expected = (weight * entropy).sum(axes) / weight.sum(axes)
    expected += 1 - (both + 1) / (total - both + 1)
    np.testing.assert_allclose(BoundaryBCEIoU().call(y, logits), expected, rtol=1e-5)


def test_boundary_with_factor_zero_is_cross_entropy_plus_iou():
    y, logits = masks_and_logits(2, 9, 9, 1)
    p = 1 / (1 + np.exp(-logits))
    both, total = (p * y).sum((1, 2, 3)), (p + y).sum((1, 2, 3))
    entropy = BinaryFocal(alpha=None, gamma=0).call(y, logits)
    expected = entropy + 1 - (both + 1) / (total - both + 1)
    np.testing.assert_allclose(BoundaryBCEIoU(factor=0).call(y, logits), expected, rtol=1e-5)


def test_tversky_with_equal_halves_is_dice_with_twice_the_smooth():
    y, logits = masks_and_logits(3, 8, 8, 1)
    tversky = Tversky(alpha=0.5, beta=0.5, smooth=0.5).call(y, logits)
    np.testing.assert_allclose(tversky, Dice(smooth=1.0).call(y, logits), rtol=1e-5)


def test_tversky_s_alpha_weighs_false_positives_and_beta_false_negatives():
    lesion = np.zeros((1, 4, 4, 1), dtype="float32")
    lesion[:, :2] = 1
    too_large, too_small = lesion.copy(), lesion.copy()
    too_large[:, 2] = 1
    too_small[:, 1] = 0
    loss = Tversky(alpha=0.3, beta=0.7, smooth=1e-6)
    assert float(loss(lesion, 200 * too_large - 100)) == pytest.approx(1 - 8 / (8 + 0.3 * 4))
    assert float(loss(lesion, 200 * too_small - 100)) == pytest.approx(1 - 4 / (4 + 0.7 * 4))


def test_focal_without_focus_and_alpha_is_the_cross_entropy():
    y, logits = masks_and_logits(3, 8, 8, 1)
    expected = keras.losses.BinaryCrossentropy(from_logits=True)(y, logits)
    assert float(BinaryFocal(alpha=None, gamma=0)(y, logits)) == pytest.approx(float(expected))


@every_setting
def test_images_and_channels_count_alike_and_alone(name, arguments):
    y, logits = masks_and_logits(3, 8, 8, 2)
    loss = configured(name, arguments)
    alone = [
        [
            float(loss(y[i : i + 1, ..., c : c + 1], logits[i : i + 1, ..., c : c + 1]))
            for c in (0, 1)
        ]
        for i in range(3)
    ]
    np.testing.assert_allclose(loss.call(y, logits), np.mean(alone, axis=1), rtol=1e-5)
    assert float(loss(y, logits)) == pytest.approx(np.mean(alone), rel=1e-5)


@every_setting
@pytest.mark.parametrize("rows", [0, 4, 8])
def test_a_perfect_mask_costs_nothing_also_an_empty_one(name, arguments, rows):
    y = np.zeros((1, 8, 8, 1), dtype="float32")
    y[:, :rows] = 1
    loss = configured(name, arguments)
    assert float(loss(y, 100 * y - 50)) == pytest.approx(0, abs=2e-5)
    assert float(loss(y, 50 - 100 * y)) > 0.1


@every_setting
def test_gradients_are_finite_where_the_sigmoid_has_rounded_to_0_or_1(name, arguments):
    y, _ = masks_and_logits(2, 8, 8, 1)
    for scale in (50, 200):
        for sign in (1, -1):
            value, gradient = value_and_gradient(
                configured(name, arguments), y, sign * scale * (2 * y - 1)
            )
            assert np.isfinite(value).all()
            assert np.isfinite(gradient).all()


@every_setting
def test_half_precision_logits_are_summed_in_single_precision(name, arguments):
    y = np.zeros((1, 320, 320, 1), dtype="uint8")
    y[:, 10:] = 1  # 99,200 pixels: more than float16 can hold
    _, logits = masks_and_logits(1, 320, 320, 1)
    half = logits.astype("float16")
    loss = configured(name, arguments)
    result = loss.call(y, tf.constant(half))
    assert result.dtype == tf.float32
    np.testing.assert_allclose(result, loss.call(y, half.astype("float32")), rtol=1e-6)


@every_setting
def test_a_stored_loss_is_the_same_loss(name, arguments):
    y, logits = masks_and_logits(2, 8, 8, 1)
    loss = configured(name, arguments)
    stored = keras.saving.serialize_keras_object(loss)
    assert stored["registered_name"] == f"skinnet_keras>{type(loss).__name__}"
    again = keras.saving.deserialize_keras_object(stored)
    assert again.get_config() == loss.get_config()
    assert arguments.items() <= loss.get_config().items()
    np.testing.assert_array_equal(again.call(y, logits), loss.call(y, logits))


def test_reduction_is_kept():
    assert Dice(reduction="sum").get_config()["reduction"] == "sum"
    y, logits = masks_and_logits(3, 8, 8, 1)
    assert Dice(reduction=None)(y, logits).shape == (3,)


def test_masks_without_channels_are_refused():
    with pytest.raises(ValueError, match=r"\(B, H, W, C\)"):
        Dice().call(np.zeros((2, 4, 4)), np.zeros((2, 4, 4, 1)))


def test_default_is_bce_plus_dice():
    loss = segmentation_loss(SegmentationLossConfig())
    assert loss.get_config() == BCEDice().get_config()


@pytest.mark.parametrize(
    ("name", "arguments", "message"),
    [
        (
            "tversky",
            {"gama": 2},
            r"segmentation_loss\.arguments: tversky has no argument 'gama'; "
            r"valid ones are alpha, beta, gamma, smooth\.",
        ),
        ("dice", {"reduction": "sum"}, "valid ones are smooth, squared"),
        ("dice", {"smooth": 0}, "smooth must be above 0, not 0"),
        ("dice", {"smooth": "much"}, r"segmentation_loss\.arguments of dice: .*much"),
        ("tversky", {"gamma": [1]}, r"segmentation_loss\.arguments of tversky"),
        ("focal", {"alpha": 1.5}, "alpha must lie in 0..1"),
        ("focal", {"gamma": -1}, "gamma must not be negative"),
        ("boundary_bce_iou", {"kernel": 30}, "kernel must be an odd number"),
        ("boundary_bce_iou", {"kernel": -3}, "kernel must be an odd number"),
        ("boundary_bce_iou", {"factor": -1}, "factor must not be negative"),
    ],
)
def test_wrong_arguments_are_named(name, arguments, message):
    with pytest.raises(UserError, match=message):
        configured(name, arguments)


ON_JAX = """
import json
import sys
import jax
import keras
import numpy as np
from skinnet_keras.config import SegmentationLossConfig
from skinnet_keras.training.segmentation_losses import segmentation_loss

assert keras.backend.backend() == "jax"
data = np.load(sys.argv[1])
results = {}
for n, (name, arguments) in enumerate(json.loads(sys.argv[2])):
    loss = segmentation_loss(SegmentationLossConfig(name=name, arguments=arguments))
    per_image = jax.jit(lambda logits: loss.call(data["y"], logits))
    results[f"value_{n}"] = per_image(data["logits"])
    results[f"gradient_{n}"] = jax.grad(lambda logits: per_image(logits).sum())(data["logits"])
np.savez(sys.argv[3], **results)
"""


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_gives_tensorflow_s_values_and_gradients(tmp_path):
    y, logits = masks_and_logits(2, 12, 12, 2)
    np.savez(tmp_path / "data.npz", y=y, logits=logits)
    paths = tmp_path / "data.npz", tmp_path / "results.npz"
    done = subprocess.run(
        [sys.executable, "-c", ON_JAX, paths[0], json.dumps(SETTINGS), paths[1]],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    results = np.load(paths[1])
    for n, (name, arguments) in enumerate(SETTINGS):
        value, gradient = value_and_gradient(configured(name, arguments), y, logits)
        message = f"{name} {arguments}"
        np.testing.assert_allclose(results[f"value_{n}"], value, rtol=1e-5, err_msg=message)
        np.testing.assert_allclose(
            results[f"gradient_{n}"], gradient, rtol=1e-4, atol=1e-7, err_msg=message
        )
