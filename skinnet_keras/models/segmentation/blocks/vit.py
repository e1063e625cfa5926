"""Vision Transformer encoder (Dosovitskiy et al., ICLR 2021, arXiv:2010.11929)."""

from __future__ import annotations

import keras

from skinnet_keras.models.segmentation.blocks.attention import DotProductAttention
from skinnet_keras.models.segmentation.blocks.projections import linear

_layers = keras.layers


@keras.saving.register_keras_serializable("skinnet_keras")
class PositionEmbedding(keras.layers.Layer):
    """Add one learnt vector to each token; all vectors start at zero.

    Input: float (B, N, C), N and C static. Output: the same shape.
    """

    def build(self, input_shape):
        self.embeddings = self.add_weight(
            shape=(1, *input_shape[1:]), initializer="zeros", name="embeddings"
        )

    def call(self, inputs):
        return inputs + self.embeddings

    def compute_output_shape(self, input_shape):
        return input_shape


def _mlp_start(fan_in: int) -> tuple[keras.Initializer, keras.Initializer]:
    """Xavier-uniform kernel (it needs no `fan_in` from outside), biases next to zero."""
    return keras.initializers.GlorotUniform(), keras.initializers.RandomNormal(stddev=1e-6)


def layer_norm(x, name: str):
    """Layer normalisation over the channels with the Vision Transformer's epsilon."""
    return _layers.LayerNormalization(epsilon=1e-6, name=name)(x)


def vit_block(x, *, num_heads: int, mlp_dim: int, dropout: float, name: str):
    """Pre-norm transformer block: attention, then a two-layer perceptron, both residual.

    Args:
        x: Tokens (B, N, C).
        num_heads: Heads of the attention; divides C.
        mlp_dim: Hidden units of the perceptron.
        dropout: Rate after each layer of the perceptron.
        name: Prefix of the layers' names.

    Returns:
        Tokens (B, N, C).
    """
    width = x.shape[-1]
    y = layer_norm(x, f"{name}_norm1")
    query = linear(y, width, f"{name}_query")
    key = linear(y, width, f"{name}_key")
    value = linear(y, width, f"{name}_value")
    key_value = _layers.Concatenate(name=f"{name}_key_value")([key, value])
    y = DotProductAttention(num_heads, name=f"{name}_attention")([query, key_value])
    y = linear(y, width, f"{name}_out")
    x = _layers.Add(name=f"{name}_add1")([x, y])
    y = layer_norm(x, f"{name}_norm2")
    y = linear(y, mlp_dim, f"{name}_fc1", start=_mlp_start)
    y = _layers.Activation("gelu", name=f"{name}_gelu")(y)
    y = _layers.Dropout(dropout, name=f"{name}_dropout1")(y)
    y = linear(y, width, f"{name}_fc2", start=_mlp_start)
    y = _layers.Dropout(dropout, name=f"{name}_dropout2")(y)
    return _layers.Add(name=f"{name}_add2")([x, y])
