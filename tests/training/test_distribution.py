from __future__ import annotations

import json
import subprocess
import sys

import keras
import pytest

from skinnet_keras.training.distribution import (
    build_strategy,
    replicas,
    scope,
    synchronize_batch_norm,
)

# Logical devices must be set up before TensorFlow starts: hence a process of its own.
PROGRAM = """
import json, sys
import numpy as np
import tensorflow as tf
import keras

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

from skinnet_keras.config import BalanceConfig, LossConfig, OptimizerConfig
from skinnet_keras.models import build_skinnet
from skinnet_keras.training.distribution import (
    build_strategy, replicas, scope, synchronize_batch_norm)
from skinnet_keras.training.losses import classification_loss
from skinnet_keras.training.optimizers import build_optimizer

generator = np.random.default_rng(0)
n, size = 24, 32
x = {
    "image": generator.uniform(0, 255, (n, size, size, 3)).astype("float32"),
    "mask": (generator.random((n, size, size, 1)) > 0.5).astype("float32"),
    "metadata": generator.random((n, 14)).astype("float32"),
}
labels = generator.integers(0, 8, n)
y = np.eye(8, dtype="float32")[labels]
data = tf.data.Dataset.from_tensor_slices((x, y)).batch(8, drop_remainder=True)

result = {}
for name in ("none", "mirrored"):
    keras.utils.set_random_seed(0)
    strategy = build_strategy(name)
    with scope(strategy):
        model = build_skinnet("v2", image_size=size, backbone="mbconv_tiny",
                              metadata_units=(16, 8))
        for layer in model._flatten_layers():  # random numbers differ between replicas
            if isinstance(layer, keras.layers.Dropout):
                layer.rate = 0.0
        if strategy:
            synchronize_batch_norm(model, True)
        loss = classification_loss(LossConfig(), BalanceConfig(), labels, 8)
        model.compile(optimizer=build_optimizer(OptimizerConfig(), 3, 1), loss=loss)
    history = model.fit(data, epochs=2, verbose=0).history["loss"]
    result[name] = {"replicas": replicas(strategy), "loss": history}
print(json.dumps(result))
"""


def test_two_replicas_give_the_loss_of_one_device():
    done = subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    result = json.loads(done.stdout.splitlines()[-1])
    assert result["none"]["replicas"] == 1
    assert result["mirrored"]["replicas"] == 2
    assert result["mirrored"]["loss"] == pytest.approx(result["none"]["loss"], rel=1e-4)


@pytest.mark.parametrize("name", ["none", "auto"])
def test_one_device_needs_no_strategy(name):
    strategy = build_strategy(name)
    assert strategy is None
    assert replicas(strategy) == 1
    with scope(strategy):
        pass


def test_synchronisation_is_switched_on_and_off():
    model = keras.Sequential([keras.Input((2,)), keras.layers.BatchNormalization()])
    synchronize_batch_norm(model, True)
    assert model.layers[0].synchronized
    synchronize_batch_norm(model, False)
    assert not model.layers[0].synchronized
