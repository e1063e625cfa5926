from __future__ import annotations

import keras
import numpy as np

from skinnet_keras.models.segmentation.blocks.cbam import residual_cbam


def _sigmoid(x):
    return 1.0 / (1.0 + np.exp(-x))


def test_gates_follow_their_definition():
    inputs = keras.Input((3, 5, 8))
    model = keras.Model(inputs, residual_cbam(inputs, reduction=4, name="cbam"))
    generator = np.random.default_rng(0)
    x = generator.normal(size=(2, 3, 5, 8)).astype("float32")
    squeeze, excite = generator.normal(size=(8, 2)), generator.normal(size=(2, 8))
    spatial, bias = np.array([1.5, -0.5]), np.array([0.3])
    model.get_layer("cbam_channel_squeeze").set_weights([squeeze[None, None]])
    model.get_layer("cbam_channel_excite").set_weights([excite[None, None]])
    model.get_layer("cbam_spatial_conv").set_weights([spatial.reshape(1, 1, 2, 1), bias])

    def shared(pooled):
        return np.maximum(pooled @ squeeze, 0.0) @ excite

    gate = _sigmoid(shared(x.max(axis=(1, 2))) + shared(x.mean(axis=(1, 2))))
    y = x * gate[:, None, None, :]
    gate = _sigmoid(1.5 * y.max(axis=-1) - 0.5 * y.mean(axis=-1) + bias)
    np.testing.assert_allclose(model(x), x + y * gate[..., None], atol=1e-5)


def test_the_pooled_maps_share_one_network_without_biases():
    inputs = keras.Input((2, 2, 24))
    model = keras.Model(inputs, residual_cbam(inputs, reduction=12, name="cbam"))
    assert sum(int(np.prod(weight.shape)) for weight in model.weights) == 24 * 2 * 2 + 3
