from __future__ import annotations

import keras
import numpy as np
import pytest

from skinnet_keras.models import SKINNETS, build_skinnet
from skinnet_keras.models.parts import cnn_part, head_part, with_temporary_head


def _inputs(model: keras.Model) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(0)
    return {
        tensor.name: generator.uniform(0, 1, (2, *tensor.shape[1:])).astype("float32")
        for tensor in model.inputs
    }


@pytest.mark.parametrize("variant", SKINNETS)
def test_head_on_cnn_features_is_the_whole_network(variant):
    model = build_skinnet(
        variant, image_size=32, backbone="mbconv_tiny", lesion_backbone="mbconv_tiny"
    )
    x = _inputs(model)
    cnn, head = cnn_part(model), head_part(model)
    features = np.asarray(cnn({name: x[name] for name in x if name != "metadata"}))
    result = head({"cnn_features": features, "metadata": x["metadata"]})["diagnosis"]
    np.testing.assert_allclose(result, model(x)["diagnosis"], atol=1e-6)


def test_parts_share_their_weights_and_cover_the_network():
    model = build_skinnet("v3", image_size=32, backbone="mbconv_tiny")
    parts = [*cnn_part(model).weights, *head_part(model).weights]
    assert {id(weight) for weight in parts} == {id(weight) for weight in model.weights}


def test_temporary_head_is_the_only_addition():
    model = build_skinnet("v2", image_size=32, backbone="mbconv_tiny")
    known = {id(weight) for weight in cnn_part(model).weights}
    added = [w for w in with_temporary_head(model).weights if id(w) not in known]
    assert {weight.path for weight in added} == {"temporary_head/kernel", "temporary_head/bias"}


def test_network_can_be_saved_after_its_parts_were_made(tmp_path):
    model = build_skinnet("v3", image_size=32, backbone="mbconv_tiny")
    cnn_part(model), head_part(model), with_temporary_head(model)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    x = _inputs(model)
    np.testing.assert_allclose(again(x)["diagnosis"], model(x)["diagnosis"], atol=1e-6)
