from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models import attach_segmenter, build_segmenter, build_skinnet

SIZE = 32


@pytest.fixture(scope="module")
def segmenter():
    keras.utils.set_random_seed(1)
    return build_segmenter("split_attention_unet", image_size=SIZE, widths=(4, 8))


def _inputs(n: int = 3) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        "image": generator.uniform(0, 255, (n, SIZE, SIZE, 3)).astype("float32"),
        "metadata": generator.uniform(0, 1, (n, 14)).astype("float32"),
    }


def test_end_to_end_equals_segmenter_then_classifier(segmenter):
    classifier = build_skinnet("v2", image_size=SIZE, backbone="mbconv_tiny")
    x = _inputs()
    probability = keras.ops.sigmoid(segmenter({"image": x["image"]})["mask_logits"])
    # The median splits the pixels of an untrained network, so that both mask values occur.
    threshold = float(np.median(probability))
    model = attach_segmenter(classifier, segmenter, threshold)
    result = model(x)
    mask = keras.ops.convert_to_numpy(probability) >= threshold
    expected = classifier({**x, "mask": mask.astype("float32")})["diagnosis"]
    np.testing.assert_allclose(result["diagnosis"], expected, atol=1e-6)
    np.testing.assert_allclose(result["mask"], probability, atol=1e-6)


def test_v1_without_mask_input_still_returns_the_mask(segmenter):
    classifier = build_skinnet("v1", image_size=SIZE, backbone="mbconv_tiny")
    model = attach_segmenter(classifier, segmenter)
    assert {tensor.name for tensor in model.inputs} == {"image", "metadata"}
    assert model(_inputs())["mask"].shape == (3, SIZE, SIZE, 1)


def test_joint_training_reaches_the_segmenter(segmenter):
    tf = pytest.importorskip("tensorflow")
    classifier = build_skinnet("v3", image_size=SIZE, backbone="mbconv_tiny")
    model = attach_segmenter(classifier, segmenter)
    with tf.GradientTape() as tape:
        diagnosis = model(_inputs(), training=True)["diagnosis"]
        loss = -tf.reduce_mean(tf.math.log(diagnosis[:, 0]))
    gradient = tape.gradient(loss, segmenter.get_layer("mask_logits").kernel)
    assert np.abs(gradient).max() > 0


def test_different_sizes_are_refused(segmenter):
    classifier = build_skinnet("v1", image_size=64, backbone="mbconv_tiny")
    with pytest.raises(ValueError, match="one size"):
        attach_segmenter(classifier, segmenter)


def test_several_mask_channels_are_refused():
    classifier = build_skinnet("v1", image_size=SIZE, backbone="mbconv_tiny")
    two = build_segmenter("split_attention_unet", image_size=SIZE, num_classes=2, widths=(4, 8))
    with pytest.raises(ValueError, match="binary"):
        attach_segmenter(classifier, two)
