"""Coordinate attention (Hou, Zhou, Feng, CVPR 2021, arXiv:2103.02907), TransCeption's form."""

from __future__ import annotations

import keras
from keras import ops

from skinnet_keras.models.layers import BATCH_NORM
from skinnet_keras.models.segmentation.blocks.projections import convolution
from skinnet_keras.models.segmentation.blocks.splitting import Split

_layers = keras.layers


@keras.saving.register_keras_serializable("skinnet_keras")
class SiLUGate(keras.layers.Layer):
    """`x * min(SiLU(x + 3) / 6, 1)`, a smooth relative of hard swish.

    Input: float (...). Output: the same shape.
    """

    def call(self, inputs):
        return inputs * ops.minimum(ops.silu(inputs + 3.0) / 6.0, 1.0)

    def compute_output_shape(self, input_shape):
        return input_shape


def coordinate_attention(x, name: str):
    """Weigh every pixel by a gate of its row times a gate of its column, channel by channel.

    Args:
        x: Feature map (B, H, W, C).
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H, W, C).
    """
    _, height, width, channels = x.shape
    rows = _layers.AveragePooling2D((1, width), name=f"{name}_row_means")(x)
    columns = _layers.AveragePooling2D((height, 1), name=f"{name}_column_means")(x)
    columns = _layers.Permute((2, 1, 3), name=f"{name}_column_means_upright")(columns)
    y = _layers.Concatenate(axis=1, name=f"{name}_means")([rows, columns])
    y = convolution(y, max(8, channels // 16), 1, f"{name}_squeeze")
    y = _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_squeeze_bn")(y)
    y = SiLUGate(name=f"{name}_squeeze_gate")(y)
    rows, columns = Split([height, width], axis=1, name=f"{name}_coordinates")(y)
    columns = _layers.Permute((2, 1, 3), name=f"{name}_columns_level")(columns)
    rows = convolution(rows, channels, 1, f"{name}_row_gate", activation="sigmoid")
    columns = convolution(columns, channels, 1, f"{name}_column_gate", activation="sigmoid")
    x = _layers.Multiply(name=f"{name}_columns")([x, columns])
    return _layers.Multiply(name=f"{name}_rows")([x, rows])
