"""The contract of every registered network: shapes, gradients, `.keras` round trip."""

from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models import BACKBONES, SEGMENTERS, SKINNETS, build_backbone, build_segmenter

SIZE = 32
# Width- or depth-reduced constructions, so that the runner stays fast.
REDUCED = {
    "unet": {"widths": (4, 8, 16)},
    "r2_unet": {"widths": (4, 8, 16)},
    "attention_unet": {"widths": (4, 8, 16)},
    "attention_r2_unet": {"widths": (4, 8, 16)},
    "dcsau_net": {"stem_width": 8, "encoder_widths": (4, 8), "decoder_widths": (4, 4)},
    "malunet": {"widths": (4, 4, 8, 8, 12, 16)},
    "transfuse": {
        "resnet_width": 8,
        "resnet_blocks": (1, 1, 1),
        "token_width": 16,
        "depth": 2,
        "num_heads": 2,
    },
    "missformer": {"widths": (8, 16, 40, 64), "depth": 1, "bridge_depth": 1},
    "transception": {"widths": (8, 16, 40, 64), "depths": (1, 1, 1, 1), "bridge_depth": 1},
    "split_attention_unet": {"widths": (4, 8, 16)},
    "transunet": {
        "width": 32,
        "units": (1, 1, 1),
        "hidden_size": 24,
        "depth": 1,
        "num_heads": 2,
        "mlp_dim": 48,
        "decoder_widths": (8, 8, 8, 4, 4),
    },
    "transdeeplab": {"width": 12, "depths": (1, 1, 1), "last_depth": 2},
}
SMALL = {"backbone": "mbconv_tiny", "lesion_backbone": "mbconv_tiny", "metadata_units": (16, 8)}


def _classifiers():
    for variant, build in SKINNETS.items():
        for mask_branch in (None, "mbconv"):
            yield pytest.param(
                lambda b=build, m=mask_branch: b(image_size=SIZE, mask_branch=m, **SMALL),
                id=f"{variant}-{mask_branch or 'plain'}",
            )


def _segmenters():
    for name in SEGMENTERS:
        yield pytest.param(
            lambda n=name: build_segmenter(n, image_size=SIZE, **REDUCED[n]), id=name
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


@pytest.mark.parametrize("build", [*_classifiers(), *_segmenters()])
def test_network_contract(build, tmp_path):
    tf = pytest.importorskip("tensorflow")
    keras.utils.set_random_seed(0)
    model = build()
    x = _inputs(model)

    outputs = model(x, training=False)
    if "diagnosis" in outputs:
        assert outputs["diagnosis"].shape == (4, 8)
        np.testing.assert_allclose(np.sum(outputs["diagnosis"], axis=1), 1.0, atol=1e-5)
        assert model.get_layer("diagnosis_logits").compute_dtype == "float32"
    else:
        assert outputs["mask_logits"].shape == (4, SIZE, SIZE, 1)

    with tf.GradientTape() as tape:
        loss = sum(
            tf.reduce_sum(y * tf.random.stateless_normal(y.shape, [number, 1]))
            for number, y in enumerate(model(x, training=True).values())
        )
    weights = [weight.value for weight in model.trainable_weights]
    for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, weights), strict=True):
        assert gradient is not None, f"{weight.path} has no gradient"
        assert np.all(np.isfinite(gradient)), f"{weight.path} has a gradient that is no number"

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
