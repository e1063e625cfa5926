"""`AugmentedModel`: augmented in training, the plain model in everything else."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys

import keras
import numpy as np
import pytest

from skinnet_keras.data.samples import augmentation_keys
from skinnet_keras.models import attach_segmenter
from skinnet_keras.models.composite import joint_training_part
from skinnet_keras.training.device_augmentation import AugmentedModel, PaperAugmentation
from skinnet_keras.training.segmentation_losses import Dice
from tiny_run import SIZE, build_classifier, build_segmenter, draw_picture

COUNT = 8
STRONG = PaperAugmentation(SIZE, cutout=1.0, distortion=1.0, geometry=1.0, blur=1.0)


@pytest.fixture(scope="module", autouse=True)
def _eager():
    tf = pytest.importorskip("tensorflow")
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.fixture
def x() -> dict[str, np.ndarray]:
    pairs = [draw_picture(number, (SIZE, SIZE)) for number in range(COUNT)]
    return {
        "image": np.stack([image for image, _ in pairs]).astype("float32"),
        "mask": np.stack([mask for _, mask in pairs])[..., None].astype("float32"),
        "metadata": np.random.default_rng(0).random((COUNT, 14)).astype("float32"),
        "augmentation_key": augmentation_keys(seed=0, epoch=0, indices=np.arange(COUNT)),
    }


@pytest.fixture
def augmented(x) -> dict[str, np.ndarray]:
    names = ("image", "mask", "augmentation_key")
    outputs = STRONG({name: x[name] for name in names})
    return {**x, **{name: np.asarray(value) for name, value in outputs.items()}}


def first_loss(model: keras.Model, x, y, loss="mse", **options) -> float:
    """The loss of a training step that changes nothing."""
    model.compile(optimizer=keras.optimizers.SGD(0.0), loss=loss)
    return model.fit(x, y, batch_size=COUNT, shuffle=False, verbose=0, **options).history["loss"][0]


def plain(model: keras.Model, x) -> dict[str, np.ndarray]:
    return {tensor.name: x[tensor.name] for tensor in model.inputs}


def test_training_step_sees_the_augmented_images_and_masks(x, augmented):
    model = build_classifier(spread=5.0)
    y, weight = np.eye(8, dtype="float32"), np.linspace(0, 1, COUNT).astype("float32")
    loss = first_loss(AugmentedModel(model, STRONG), x, y, sample_weight=weight)
    expected, without = (
        first_loss(model, plain(model, inputs), y, sample_weight=weight)
        for inputs in (augmented, x)
    )
    assert loss == pytest.approx(expected, rel=1e-4)
    assert loss != pytest.approx(without, rel=1e-2)


def test_a_mask_that_is_the_target_is_augmented(x, augmented):
    model = build_segmenter(size=SIZE)
    inputs = {name: x[name] for name in ("image", "augmentation_key")}
    loss = first_loss(AugmentedModel(model, STRONG), inputs, {"mask_logits": x["mask"]})
    target = {"mask_logits": augmented["mask"]}
    assert loss == pytest.approx(first_loss(model, plain(model, augmented), target), rel=1e-5)


def test_of_two_targets_the_mask_is_augmented_and_the_diagnosis_stays(x, augmented):
    end_to_end = attach_segmenter(build_classifier(), build_segmenter(size=SIZE))
    model = joint_training_part(end_to_end)
    weight = {"diagnosis": np.ones(COUNT, "f4"), "mask_logits": np.linspace(0, 1, COUNT)}
    options = {"loss": {"diagnosis": "mse", "mask_logits": Dice()}, "sample_weight": weight}
    y = {"diagnosis": np.eye(8, dtype="float32"), "mask_logits": x["mask"]}
    moved = {**y, "mask_logits": augmented["mask"]}
    inputs = {name: x[name] for name in ("image", "metadata", "augmentation_key")}
    loss = first_loss(AugmentedModel(model, STRONG), inputs, y, **options)
    expected = first_loss(model, plain(model, augmented), moved, **options)
    without = first_loss(model, plain(model, augmented), y, **options)
    assert loss == pytest.approx(expected, rel=1e-4)
    assert loss != pytest.approx(without, rel=1e-2)


def test_prediction_is_that_of_the_model_and_needs_no_keys(x):
    model = build_classifier(spread=0.1)
    wrapper = AugmentedModel(model, STRONG)
    expected = model.predict(plain(model, x), verbose=0)["diagnosis"]
    for inputs in (x, plain(model, x)):
        np.testing.assert_array_equal(wrapper.predict(inputs, verbose=0)["diagnosis"], expected)


def test_weights_and_their_files_are_those_of_the_model(x, tmp_path):
    model = build_classifier(spread=0.1)
    wrapper = AugmentedModel(model, STRONG)
    wrapper.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    wrapper.fit(x, np.eye(8, dtype="float32"), batch_size=4, verbose=0)
    trained = model.get_weights()
    assert np.abs(trained[0] - build_classifier(spread=0.1).get_weights()[0]).max() > 0.05
    wrapper.save_weights(tmp_path / "wrapper.weights.h5")
    other = build_classifier(spread=2.0)
    other.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    other.optimizer.build(other.trainable_variables)
    other.load_weights(tmp_path / "wrapper.weights.h5")
    for a, b in zip(trained, other.get_weights(), strict=True):
        np.testing.assert_array_equal(a, b)
    # The state of the optimiser, too, and in the other direction.
    other.save_weights(tmp_path / "plain.weights.h5")
    again = AugmentedModel(build_classifier(spread=2.0), STRONG)
    again.compile(optimizer=keras.optimizers.Adam(0.1), loss="mse")
    again.optimizer.build(again.trainable_variables)
    again.load_weights(tmp_path / "plain.weights.h5")
    for a, b in zip(wrapper.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(np.asarray(a), np.asarray(b))


# Devices and backends are set up before they start: hence processes of their own.
TWO_CPUS = """
import tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
"""

LOSSES = """
import json, sys
import keras
import numpy as np
import tensorflow as tf
from skinnet_keras.data.samples import augmentation_keys
from skinnet_keras.training.device_augmentation import AugmentedModel, PaperAugmentation
from skinnet_keras.training.distribution import build_strategy, scope
from tiny_run import SIZE, build_segmenter, draw_picture

pairs = [draw_picture(number, (SIZE, SIZE)) for number in range(16)]
x = {
    "image": np.stack([image for image, _ in pairs]).astype("float32"),
    "augmentation_key": augmentation_keys(seed=0, epoch=0, indices=np.arange(16)),
}
y = {"mask_logits": np.stack([mask for _, mask in pairs])[..., None].astype("float32")}
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8, drop_remainder=True)
losses = {}
for name in sys.argv[1:]:
    with scope(build_strategy(name)):
        augmentation = PaperAugmentation(SIZE, distortion=1.0, geometry=1.0)
        model = AugmentedModel(build_segmenter(), augmentation)
        model.compile(optimizer=keras.optimizers.SGD(1e-3), loss="mse")
    losses[name] = model.fit(data, epochs=3, shuffle=False, verbose=0).history["loss"]
print(json.dumps(losses))
"""


def losses(backend: str, *strategies: str) -> dict[str, list[float]]:
    done = subprocess.run(
        [sys.executable, "-c", (TWO_CPUS if backend == "tensorflow" else "") + LOSSES, *strategies],
        env={**os.environ, "KERAS_BACKEND": backend, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_two_replicas_and_jax_train_as_one_device_does():
    tensorflow = losses("tensorflow", "none", "mirrored")
    assert tensorflow["none"][0] > tensorflow["none"][-1]
    assert tensorflow["mirrored"] == pytest.approx(tensorflow["none"], rel=1e-4)
    if importlib.util.find_spec("jax") is None:
        pytest.skip("jax is not installed")
    assert losses("jax", "none")["none"] == pytest.approx(tensorflow["none"], rel=1e-3)
