from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.errors import UserError
from skinnet_keras.models import build_skinnet
from skinnet_keras.models.pretrained import initialize_backbones


@pytest.fixture(scope="module")
def application():
    keras.utils.set_random_seed(3)
    return keras.applications.EfficientNetB0(
        weights=None, include_top=False, input_shape=(32, 32, 3)
    )


@pytest.fixture(scope="module")
def no_top_file(application, tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "b0.weights.h5"
    application.save_weights(path)
    return path


def test_local_file_gives_the_application_s_features(application, no_top_file):
    model = build_skinnet("v1", image_size=32)
    assert initialize_backbones(model, str(no_top_file)) == ["efficientnet_b0"]
    pixels = np.random.default_rng(0).uniform(0, 255, (2, 32, 32, 3)).astype("float32")
    # The application's own normalisation starts as the identity after its 1/255.
    expected = application(pixels, training=False)
    backbone = model.get_layer("efficientnet_b0")
    np.testing.assert_allclose(backbone(pixels / 255.0, training=False), expected, atol=1e-5)


def test_fourth_channel_starts_as_the_mean_of_rgb(application, no_top_file):
    model = build_skinnet("v2", image_size=32)
    initialize_backbones(model, str(no_top_file))
    rgb = application.get_layer("stem_conv").get_weights()[0]
    stem = model.get_layer("efficientnet_b0").get_layer("stem_conv").get_weights()[0]
    np.testing.assert_array_equal(stem[:, :, :3], rgb)
    np.testing.assert_allclose(stem[:, :, 3], rgb.mean(axis=2), rtol=1e-6)


def test_own_model_file_gives_its_backbone(tmp_path):
    source = build_skinnet("v3", image_size=32, backbone="mbconv_tiny")
    source.save(tmp_path / "source.keras")
    target = build_skinnet("v1", image_size=32, backbone="mbconv_tiny")
    assert initialize_backbones(target, str(tmp_path / "source.keras")) == ["mbconv_tiny"]
    for a, b in zip(
        source.get_layer("mbconv_tiny").get_weights(),
        target.get_layer("mbconv_tiny").get_weights(),
        strict=True,
    ):
        np.testing.assert_array_equal(a, b)


def test_none_leaves_the_fresh_weights():
    assert (
        initialize_backbones(build_skinnet("v1", image_size=32, backbone="mbconv_tiny"), "none")
        == []
    )


def test_failed_download_is_one_sentence(monkeypatch):
    def offline(*_, **__):
        raise Exception("URL fetch failure on https://example.org: None")

    monkeypatch.setattr("keras.src.applications.efficientnet.file_utils.get_file", offline)
    with pytest.raises(UserError, match=r"could not be downloaded .* local file or to none"):
        initialize_backbones(build_skinnet("v1", image_size=32), "imagenet")


@pytest.mark.parametrize("name", ["absent.h5", "absent.keras"])
def test_missing_file_is_named(name, tmp_path):
    model = build_skinnet("v1", image_size=32)
    with pytest.raises(UserError, match=name):
        initialize_backbones(model, str(tmp_path / name))


def test_file_of_another_network_is_refused(tmp_path):
    path = tmp_path / "other.weights.h5"
    keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).save_weights(path)
    with pytest.raises(UserError, match="none of this model's backbones"):
        initialize_backbones(build_skinnet("v1", image_size=32), str(path))
