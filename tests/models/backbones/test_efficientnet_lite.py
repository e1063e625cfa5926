"""EfficientNet-Lite against the counts of TensorFlow's own test, and what 8-bit needs of it."""

from __future__ import annotations

import math

import keras
import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.explanation.gradcam import GradCam
from skinnet_keras.export import tflite
from skinnet_keras.inference.tflite_runner import TFLiteRunner
from skinnet_keras.models import build_backbone, build_skinnet
from skinnet_keras.models.backbones.efficientnet_lite import efficientnet_lite
from skinnet_keras.models.pretrained import initialize_backbones

# (width, depth) -> trainable parameters with the top of 1000 classes
# (efficientnet_lite_builder_test.py of the TPU repository).
WITH_TOP = {
    (1.0, 1.0): 4_652_008,
    (1.0, 1.1): 5_416_680,
    (1.1, 1.2): 6_092_072,
    (1.2, 1.4): 8_197_096,
    (1.4, 1.8): 13_006_568,
}
TOP = 1280 * 1000 + 1000


def _shapes(size: int = 224, channels: int = 3, **arguments) -> keras.Model:
    with keras.StatelessScope(initialize_variables=False):
        return efficientnet_lite((size, size, channels), name="lite", **arguments)


def _count(weights) -> int:
    return sum(math.prod(weight.shape) for weight in weights)


def _take_statistics(model: keras.Model, x: dict[str, np.ndarray]) -> None:
    """Let batch normalisation see some images: a fresh network is nearly constant."""
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(x, training=True)


@pytest.fixture(scope="module")
def small():
    """A v2 of 64 px whose batch normalisation has seen a few images, and these images."""
    keras.utils.set_random_seed(0)
    model = build_skinnet(
        "v2", image_size=64, backbone="efficientnet_lite0_075", metadata_units=(8, 8)
    )
    generator = np.random.default_rng(0)
    x = {
        "image": generator.uniform(0, 255, (4, 64, 64, 3)).astype("float32"),
        "mask": generator.integers(0, 2, (4, 64, 64, 1)).astype("float32"),
        "metadata": generator.random((4, 14)).astype("float32"),
    }
    _take_statistics(model, x)
    return model, x


@pytest.mark.parametrize(("width", "depth"), WITH_TOP)
def test_lite0_to_lite4_have_the_published_number_of_parameters(width, depth):
    model = _shapes(width=width, depth=depth)
    assert _count(model.trainable_weights) + TOP == WITH_TOP[width, depth]


def test_lite0_has_the_moving_averages_of_the_published_feature_vector():
    assert _count(_shapes().weights) == 3_413_024


def test_width_scales_the_stages_but_neither_stem_nor_head():
    model = _shapes(width=0.75)
    assert model.get_layer("stem_conv").filters == 32
    assert model.get_layer("top_conv").filters == 1280
    stages = [model.get_layer(f"block{i}a_project_conv").filters for i in range(1, 8)]
    assert stages == [16, 24, 32, 64, 88, 144, 240]
    assert _count(model.trainable_weights) == 2_076_000


def test_features_are_a_thirty_second_of_the_image_also_where_that_is_no_integer():
    assert _shapes(224).output_shape == (None, 7, 7, 1280)
    assert _shapes(100, channels=4).output_shape == (None, 4, 4, 1280)


def test_nothing_but_convolution_normalisation_addition_and_relu6():
    model = _shapes()
    kinds = {type(layer).__name__ for layer in model.layers}
    assert kinds == {
        "InputLayer",
        "Conv2D",
        "DepthwiseConv2D",
        "BatchNormalization",
        "Activation",
        "Dropout",
        "Add",
    }
    activations = [x for x in model.layers if isinstance(x, keras.layers.Activation)]
    assert {x.activation.__name__ for x in activations} == {"relu6"}
    # Linear bottlenecks: none after a projection; one after every other convolution.
    assert len(activations) == 1 + (2 * 16 - 1) + 1
    norms = [x for x in model.layers if isinstance(x, keras.layers.BatchNormalization)]
    assert {(x.momentum, x.epsilon) for x in norms} == {(0.99, 1e-3)}


def test_later_blocks_are_dropped_more_often():
    drops = [x for x in _shapes().layers if isinstance(x, keras.layers.Dropout)]
    rates = {x.name: x.rate for x in drops}
    # Of 16 blocks, those that keep size and channels; block n is dropped at 0.2 * n / 16.
    expected = {"2b": 2, "3b": 4, "4b": 6, "4c": 7, "5b": 9, "5c": 10, "6b": 12, "6c": 13, "6d": 14}
    assert rates == pytest.approx({f"block{n}_drop": 0.2 * i / 16 for n, i in expected.items()})
    assert all(x.noise_shape == (None, 1, 1, 1) for x in drops)


def test_tflite_gives_the_same_features_with_built_in_operators(tmp_path):
    keras.utils.set_random_seed(0)
    # Every kind of block, few of them.
    backbone = efficientnet_lite((64, 64, 4), width=0.25, depth=0.5, name="lite")
    image = keras.Input((64, 64, 4), name="image")
    vector = keras.layers.GlobalAveragePooling2D()(backbone(image))
    model = keras.Model({"image": image}, {"vector": vector})
    x = np.random.default_rng(0).normal(size=(4, 64, 64, 4)).astype("float32")
    _take_statistics(model, {"image": x})
    path = tmp_path / "model.tflite"
    tflite.write_tflite(model, path, precision="float32")
    assert tflite.custom_operators(path.read_bytes()) == []
    expected = np.asarray(model({"image": x}, training=False)["vector"])
    assert np.ptp(expected, axis=0).max() > 0.1
    actual = TFLiteRunner(path).predict({"image": x})["vector"]
    np.testing.assert_allclose(actual, expected, atol=1e-4)


def test_gradcam_finds_the_last_feature_map(small):
    model, x = small
    raw, _ = GradCam(model).raw(x, np.array([0, 1, 2, 3]))
    assert raw["image"].shape == (4, 2, 2)
    assert np.ptp(raw["image"]) > 0


def test_imagenet_weights_that_nobody_has_are_refused(small):
    with pytest.raises(UserError, match=r"backbone efficientnet_lite0_075 has no such weights"):
        initialize_backbones(small[0], "imagenet")


@pytest.mark.parametrize("channels", [3, 4])
def test_names_in_the_registry(channels):
    for name, parameters in {
        "efficientnet_lite0": 3_413_024,
        "efficientnet_lite0_075": 2_109_328,
    }.items():
        with keras.StatelessScope(initialize_variables=False):
            model = build_backbone(name, (32, 32, channels))
        assert model.name == name
        assert _count(model.weights) == parameters + (channels - 3) * 3 * 3 * 32
