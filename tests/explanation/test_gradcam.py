"""Grad-CAM against what it must equal for a linear head, and on every variant."""

from __future__ import annotations

import numpy as np
import pytest

keras = pytest.importorskip("keras")

from skinnet_keras.errors import UserError  # noqa: E402
from skinnet_keras.explanation.gradcam import GradCam  # noqa: E402
from skinnet_keras.models import build_skinnet  # noqa: E402
from tiny_run import build_classifier  # noqa: E402

SIZE = 32
SMALL = {
    "image_size": SIZE,
    "backbone": "mbconv_tiny",
    "lesion_backbone": "mbconv_tiny",
    "metadata_units": (8, 8),
    "shape_filters": (4,) * 8,
    "shape_units": (8,),
    "image_units": (8,),
    "lesion_units": (8,),
}


def inputs_of(model, count: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(0)
    every = {
        "image": rng.uniform(0, 255, (count, SIZE, SIZE, 3)),
        "mask": rng.integers(0, 2, (count, SIZE, SIZE, 1)),
        "metadata": rng.random((count, 14)),
    }
    return {tensor.name: every[tensor.name].astype("float32") for tensor in model.inputs}


def test_sum_of_the_raw_map_is_the_logit_of_a_linear_head():
    """CAM (Zhou et al. 2016): the head's weights on the mean features are the maps' weights."""
    keras.utils.set_random_seed(1)
    model = build_skinnet("v1", metadata_dim=0, **SMALL)
    bias = np.arange(8.0)
    head = model.get_layer("diagnosis_logits")
    head.set_weights([head.get_weights()[0], bias])
    classes = np.array([3, 0, 7])
    raw, logits = GradCam(model).raw(inputs_of(model, 3), classes)
    rows = np.arange(3)
    expected = logits[rows, classes] - bias[classes]
    assert np.ptp(expected) > 0
    np.testing.assert_allclose(raw["image"].sum(axis=(1, 2)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("variant", "branches"),
    [
        ("v1", ("image",)),
        ("v2", ("image",)),
        ("v3", ("image", "shape")),
        ("v4", ("image", "lesion")),
    ],
)
def test_every_branch_of_every_variant_has_a_map(variant, branches):
    keras.utils.set_random_seed(2)
    model = build_skinnet(variant, **SMALL)
    inputs = inputs_of(model, 4)
    cam = GradCam(model)
    assert cam.branches == branches
    maps, logits = cam.maps(inputs, np.array([0, 1, 2, 3]))
    probabilities = np.asarray(model(inputs, training=False)["diagnosis"])
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    np.testing.assert_allclose(
        shifted / shifted.sum(axis=1, keepdims=True), probabilities, atol=1e-5
    )
    for found in maps.values():
        assert found.shape == (4, SIZE, SIZE)
        assert found.dtype == np.float32
        peaks = found.max(axis=(1, 2))
        assert set(peaks.round(6)) <= {0.0, 1.0}
        assert found.min() >= 0
    assert maps["image"].max() == 1


def test_an_image_does_not_change_the_map_of_another():
    keras.utils.set_random_seed(3)
    model = build_skinnet("v1", **SMALL)
    inputs = inputs_of(model, 3)
    cam, classes = GradCam(model), np.array([5, 1, 1])
    together, _ = cam.raw(inputs, classes)
    alone, _ = cam.raw({name: value[1:2] for name, value in inputs.items()}, classes[1:2])
    np.testing.assert_allclose(together["image"][1:2], alone["image"], rtol=1e-4, atol=1e-6)


def test_other_models_are_refused():
    with pytest.raises(UserError, match="image_vector"):
        GradCam(build_classifier())
