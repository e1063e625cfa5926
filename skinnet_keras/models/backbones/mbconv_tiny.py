"""A small EfficientNet-like network for demonstrations and tests at 32 to 96 px."""

from __future__ import annotations

import keras

from skinnet_keras.models.layers import BATCH_NORM, mbconv


def mbconv_tiny(input_shape: tuple[int, int, int]) -> keras.Model:
    """Four MBConv stages from normalised (B, H, W, C) to features (B, H/16, W/16, 192)."""
    layers = keras.layers
    inputs = keras.Input(input_shape)
    x = layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="stem_conv")(inputs)
    x = layers.BatchNormalization(**BATCH_NORM, name="stem_bn")(x)
    x = layers.Activation("swish", name="stem_swish")(x)
    x = mbconv(x, 16, expand=1, name="block1")
    x = mbconv(x, 24, stride=2, name="block2")
    x = mbconv(x, 24, name="block3")
    x = mbconv(x, 40, stride=2, kernel=5, name="block4")
    x = mbconv(x, 40, kernel=5, name="block5")
    x = mbconv(x, 64, stride=2, name="block6")
    x = layers.Conv2D(192, 1, use_bias=False, name="top_conv")(x)
    x = layers.BatchNormalization(**BATCH_NORM, name="top_bn")(x)
    x = layers.Activation("swish", name="top_swish")(x)
    return keras.Model(inputs, x, name="mbconv_tiny")
