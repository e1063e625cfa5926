from __future__ import annotations

from math import erf

import keras
import numpy as np

from skinnet_keras.models.segmentation.blocks.vit import PositionEmbedding, vit_block


def _layer_norm(x, gamma, beta):
    x = x - x.mean(axis=-1, keepdims=True)
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + 1e-6) * gamma + beta


def test_block_follows_its_definition():
    inputs = keras.Input((5, 6))
    model = keras.Model(inputs, vit_block(inputs, num_heads=3, mlp_dim=7, dropout=0.1, name="b"))
    generator = np.random.default_rng(0)
    for weight in model.weights:
        weight.assign(generator.normal(0.3, 0.5, weight.shape))
    x = generator.normal(size=(2, 5, 6)).astype("float32")

    def weights(name):
        return model.get_layer(f"b_{name}").get_weights()

    def dense(y, name):
        kernel, bias = weights(name)
        return y @ kernel + bias

    y = _layer_norm(x, *weights("norm1"))
    query, key, value = (dense(y, name) for name in ("query", "key", "value"))
    context = np.empty_like(query)
    for head in (slice(0, 2), slice(2, 4), slice(4, 6)):
        scores = np.exp(query[..., head] @ key[..., head].swapaxes(1, 2) / np.sqrt(2))
        context[..., head] = scores / scores.sum(axis=-1, keepdims=True) @ value[..., head]
    expected = x + dense(context, "out")
    y = dense(_layer_norm(expected, *weights("norm2")), "fc1")
    y = y * 0.5 * (1.0 + np.vectorize(erf)(y / np.sqrt(2)))
    np.testing.assert_allclose(model(x), expected + dense(y, "fc2"), atol=1e-5)


def test_perceptron_starts_by_xavier_with_biases_next_to_zero():
    inputs = keras.Input((4, 48))
    model = keras.Model(inputs, vit_block(inputs, num_heads=2, mlp_dim=96, dropout=0.1, name="b"))
    kernel, bias = model.get_layer("b_fc1").get_weights()
    bound = np.sqrt(6.0 / (48 + 96))
    assert 0.95 * bound < np.abs(kernel).max() <= bound
    assert 0 < np.abs(bias).max() < 1e-5
    kernel, bias = model.get_layer("b_query").get_weights()
    for values in (kernel, bias):
        assert 0.9 / np.sqrt(48) < np.abs(values).max() <= 1.0 / np.sqrt(48)


def test_position_embedding_starts_at_zero_and_is_one_vector_a_token():
    layer, x = PositionEmbedding(), np.ones((2, 3, 4), "float32")
    np.testing.assert_array_equal(layer(x), x)
    embeddings = np.arange(12.0).reshape(1, 3, 4)
    layer.set_weights([embeddings])
    np.testing.assert_array_equal(layer(x), x + embeddings)
