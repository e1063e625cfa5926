"""The contract of every registered segmenter, reduced and (slow) at full size."""

from __future__ import annotations

import functools
import gc
import importlib.util
import shutil
from unittest import mock

import keras
import numpy as np
import pytest

from gradients import weights_without_gradient
from jax_segmenters import outputs_on_jax, run_on_jax
from reduced_segmenters import IMAGE_SIZE, REDUCED
from segmenter_parity import Network, assert_same_outputs, images, lively_network
from skinnet_keras.export import tflite
from skinnet_keras.export.savedmodel import write_savedmodel
from skinnet_keras.inference.savedmodel_runner import SavedModelRunner
from skinnet_keras.inference.tflite_runner import TFLiteRunner
from skinnet_keras.models import SEGMENTERS, build_segmenter

# What the side of the image has to be a multiple of.
STEPS = {
    "unet": 16,
    "r2_unet": 16,
    "attention_unet": 16,
    "attention_r2_unet": 16,
    "missformer": 32,
    "transception": 32,
    "transdeeplab": 32,
    "transunet": 16,
    "dcsau_net": 16,
    "malunet": 32,
    "transfuse": 16,
    "split_attention_unet": 16,
}
# Of the range of the logits. Sums of thousands of float32 terms, in another order in each of
# hundreds of layers, differ by up to 4e-5 of it at full size; another padding, epsilon or
# approximation of an activation shows above 1e-3.
TOLERANCE = 1e-4
OUTPUTS = {name: {"mask_logits"} for name in SEGMENTERS} | {
    "transfuse": {"mask_logits", "mask_logits_1", "mask_logits_x"}
}

every_name = pytest.mark.parametrize("name", SEGMENTERS)


@functools.cache
def _reduced(name: str) -> Network:
    return lively_network(name, image_size=IMAGE_SIZE, **REDUCED[name])


def _constructions():
    for name in SEGMENTERS:
        yield pytest.param((name, False), id=name)
    for name in SEGMENTERS:
        yield pytest.param((name, True), id=f"{name}-full_size", marks=pytest.mark.slow)


@pytest.fixture(scope="module", params=list(_constructions()))
def network(request):
    """A network with noise in its weights; only one of full size at a time is in memory."""
    name, full_size = request.param
    if not full_size:
        yield _reduced(name)
        return
    gc.collect()
    yield lively_network(name)
    keras.utils.clear_session()


@pytest.fixture(scope="module")
def exported(network, tmp_path_factory):
    """A folder with `model.tflite` and the SavedModel of one image it was converted from."""
    folder = tmp_path_factory.mktemp("exported")

    def write_and_keep(model, directory, **arguments):
        write_savedmodel(model, directory, **arguments)
        shutil.copytree(directory, folder / "savedmodel")

    # Writing the SavedModel is most of the work: once is enough for both tests.
    with mock.patch.object(tflite, "write_savedmodel", write_and_keep):
        tflite.write_tflite(network.model, folder / "model.tflite", precision="float32")
    return folder


@pytest.fixture(scope="module")
def reduced_on_jax(tmp_path_factory):
    folder = tmp_path_factory.mktemp("jax")
    run_on_jax(map(_reduced, SEGMENTERS), folder)
    return folder


def test_logits_have_the_size_of_the_image(network):
    size = network.arguments.get("image_size", 224)
    assert set(network.outputs) == OUTPUTS[network.name]
    for logits in network.outputs.values():
        assert logits.shape == (2, size, size, 1)
        assert logits.dtype == "float32"
        assert np.all(np.isfinite(logits))


def test_every_weight_learns(network):
    assert weights_without_gradient(network.model, {"image": images(network.model, 3)}) == []


def test_keras_file_gives_the_same_logits(network, tmp_path):
    network.model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    outputs = again({"image": network.pixels}, training=False)
    outputs = {name: np.asarray(logits) for name, logits in outputs.items()}
    assert_same_outputs(outputs, network.outputs, 1e-6)


def test_savedmodel_gives_the_same_logits(network, exported):
    runner = SavedModelRunner(exported / "savedmodel")
    parts = [runner.predict({"image": image[None]}) for image in network.pixels]
    outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    assert_same_outputs(outputs, network.outputs, TOLERANCE)


def test_tflite_gives_the_same_logits_with_built_in_operators(network, exported):
    path = exported / "model.tflite"
    assert tflite.custom_operators(path.read_bytes()) == []
    outputs = TFLiteRunner(path).predict({"image": network.pixels})
    assert_same_outputs(outputs, network.outputs, TOLERANCE)


@pytest.mark.skipif(importlib.util.find_spec("jax") is None, reason="jax is not installed")
def test_jax_gives_the_same_logits(network, request, tmp_path):
    if network.arguments:
        folder = request.getfixturevalue("reduced_on_jax")
    else:
        run_on_jax([network], folder := tmp_path)
    assert_same_outputs(outputs_on_jax(folder, network.name), network.outputs, TOLERANCE)


@pytest.mark.slow
@every_name
def test_savedmodel_takes_any_batch(name, tmp_path):
    network = _reduced(name)
    write_savedmodel(network.model, tmp_path)
    outputs = SavedModelRunner(tmp_path).predict({"image": network.pixels})
    assert_same_outputs(outputs, network.outputs, TOLERANCE)


@every_name
def test_another_size_two_classes_and_one_channel(name):
    size = 3 * STEPS[name]
    model = build_segmenter(name, image_size=size, num_classes=2, input_channels=1, **REDUCED[name])
    for logits in model({"image": images(model)}, training=False).values():
        assert logits.shape == (2, size, size, 2)
        assert np.all(np.isfinite(logits))


@every_name
def test_impossible_size_is_refused(name):
    step = STEPS[name]
    message = rf"^{name}: image_size must be a multiple of {step}, got {3 * step // 2}\.$"
    with pytest.raises(ValueError, match=message):
        build_segmenter(name, image_size=3 * step // 2)


@every_name
def test_logits_are_float32_under_mixed_float16(name):
    network = _reduced(name)
    keras.config.set_dtype_policy("mixed_float16")
    try:
        mixed = build_segmenter(name, **network.arguments)
    finally:
        keras.config.set_dtype_policy("float32")
    convolutions = [x for x in mixed.layers if isinstance(x, keras.layers.Conv2D)]
    assert convolutions[0].compute_dtype == "float16"
    mixed.set_weights(network.model.get_weights())
    for output, logits in mixed({"image": network.pixels}, training=False).items():
        expected = network.outputs[output]
        assert logits.dtype == "float32"
        assert np.abs(logits - expected).mean() < 0.05 * expected.std()


def test_unknown_name_lists_the_known():
    with pytest.raises(ValueError, match=r"unknown segmenter 'vnet'.*split_attention_unet"):
        build_segmenter("vnet")
