"""The contract of every classifier and backbone: shapes, gradients, `.keras` round trip."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from gradients import weights_without_gradient
from skinnet_keras.models import BACKBONES, SKINNETS, build_backbone

SIZE = 32
SMALL = {"backbone": "mbconv_tiny", "lesion_backbone": "mbconv_tiny", "metadata_units": (16, 8)}


def _classifiers():
    for variant, build in SKINNETS.items():
        for mask_branch in (None, "mbconv"):
            yield pytest.param(
                lambda b=build, m=mask_branch: b(image_size=SIZE, mask_branch=m, **SMALL),
                id=f"{variant}-{mask_branch or 'plain'}",
            )


def _inputs(model: keras.Model, n: int = 4) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    ranges = {"image": 255.0, "mask": 1.0, "metadata": 1.0}
    x = {
        tensor.name: (
            generator.uniform(0, ranges[tensor.name], (n, *tensor.shape[1:])).astype("float32")
        )
        for tensor in model.inputs
    }
    if "mask" in x:
        x["mask"] = (x["mask"] > 0.5).astype("float32")
    return x


@pytest.mark.parametrize("build", list(_classifiers()))
def test_classifier_contract(build, tmp_path):
    keras.utils.set_random_seed(0)
    model = build()
    x = _inputs(model)

    diagnosis = model(x, training=False)["diagnosis"]
    assert diagnosis.shape == (4, 8)
    np.testing.assert_allclose(np.sum(diagnosis, axis=1), 1.0, atol=1e-5)
    assert model.get_layer("diagnosis_logits").compute_dtype == "float32"

    assert weights_without_gradient(model, x) == []

    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False, safe_mode=True)
    for name, output in model(x, training=False).items():
        np.testing.assert_allclose(again(x, training=False)[name], output, atol=1e-6)


@pytest.mark.parametrize("variant", SKINNETS)
def test_diagnosis_reacts_to_every_input(variant):
    keras.utils.set_random_seed(0)
    model = SKINNETS[variant](image_size=SIZE, **SMALL)
    x = _inputs(model)
    # A fresh network is nearly constant: let its batch normalisation see the batch first.
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    model(x, training=True)
    base = np.asarray(model(x)["diagnosis"])
    for name, array in x.items():
        changed = {**x, name: 1.0 - array if name == "mask" else array[::-1]}
        assert np.abs(np.asarray(model(changed)["diagnosis"]) - base).max() > 1e-4, name


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("channels", [3, 4])
def test_backbone_takes_any_number_of_channels(name, channels):
    model = build_backbone(name, (SIZE, SIZE, channels))
    assert model.input_shape == (None, SIZE, SIZE, channels)
    assert model.output_shape[1] < SIZE
