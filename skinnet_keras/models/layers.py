"""Layers and small blocks shared by the networks."""

from __future__ import annotations

import keras
from keras import ops

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)

# Fully convolutional blocks of ours start like their PyTorch ancestors: a moving average that
# follows within tens of steps, which small data sets and short stages need.
BATCH_NORM = {"momentum": 0.9, "epsilon": 1e-5}


@keras.saving.register_keras_serializable("skinnet_keras")
class ImageNormalization(keras.layers.Layer):
    """Raw pixels 0..255 to zero mean and unit variance: `(x / 255 - mean) / std`.

    Part of every model, whatever its weights, so that a saved model never depends on how it
    was initialised (`keras.applications` has another graph for `weights="imagenet"`).

    Args:
        mean: Mean of each channel, in 0..1. ImageNet's for three channels.
        std: Standard deviation of each channel, in 0..1.

    Input: float (B, H, W, C) in 0..255. Output: the same shape.
    """

    def __init__(self, mean=IMAGENET_MEAN, std=IMAGENET_STD, **kwargs):
        super().__init__(**kwargs)
        self.mean = tuple(float(value) for value in mean)
        self.std = tuple(float(value) for value in std)

    def call(self, inputs):
        scale = ops.convert_to_tensor([1.0 / (255.0 * s) for s in self.std], self.compute_dtype)
        shift = ops.convert_to_tensor(
            [m / s for m, s in zip(self.mean, self.std, strict=True)], self.compute_dtype
        )
        return inputs * scale - shift

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "mean": self.mean, "std": self.std}


def image_normalization(channels: int, name: str = "normalized_image") -> ImageNormalization:
    """The normalisation for images of `channels` channels (ImageNet's for RGB, 0.5 otherwise)."""
    if channels == 3:
        return ImageNormalization(name=name)
    return ImageNormalization((0.5,) * channels, (0.25,) * channels, name=name)


@keras.saving.register_keras_serializable("skinnet_keras")
class HardThreshold(keras.layers.Layer):
    """Probability to a binary mask, with the straight-through gradient in training.

    Thresholding has no gradient; in joint training the mask passes the gradient of the
    probability instead (Bengio et al. 2013, arXiv:1308.3432).

    Args:
        threshold: Probability from which a pixel counts as lesion, in (0, 1).

    Input: float (...) in 0..1. Output: the same shape, in {0, 1}.
    """

    def __init__(self, threshold: float = 0.5, **kwargs):
        super().__init__(**kwargs)
        self.threshold = float(threshold)

    def call(self, inputs, training=False):
        # Floats subtract to the right sign, so that this is exactly `inputs >= threshold`: floor
        # is -1 below it and 0 from it. Comparisons and casts would cut the graph in two in TFLite,
        # whose CPU delegate has neither.
        hard = 1.0 + ops.floor(inputs - self.threshold)
        if training:
            return inputs + ops.stop_gradient(hard - inputs)
        return hard

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "threshold": self.threshold}


@keras.saving.register_keras_serializable("skinnet_keras")
class SplitAttentionSum(keras.layers.Layer):
    """Weighted sum of R feature maps, the weights a softmax over the maps for each channel.

    The last step of a Split-Attention block (ResNeSt, arXiv:2004.08955; a sigmoid when R = 1).

    Input: a list of R feature maps (B, H, W, C), then attention logits (B, R * C).
    Output: (B, H, W, C).
    """

    def call(self, inputs):
        *maps, logits = inputs
        radix, width = len(maps), maps[0].shape[-1]
        if radix == 1:
            return maps[0] * ops.reshape(ops.sigmoid(logits), (-1, 1, 1, width))
        weights = ops.softmax(ops.reshape(logits, (-1, radix, width)), axis=1)
        # Not `weights[:, r]`: TFLite's CPU delegate splits, but does not drop dimensions.
        pieces = ops.split(weights, radix, axis=1)
        parts = [
            values * ops.reshape(piece, (-1, 1, 1, width))
            for values, piece in zip(maps, pieces, strict=True)
        ]
        total = parts[0]
        for part in parts[1:]:
            total = total + part
        return total

    def compute_output_shape(self, input_shape):
        return input_shape[0]


def mbconv(x, filters: int, *, stride: int = 1, expand: int = 4, kernel: int = 3, name: str):
    """Inverted residual with squeeze-and-excitation (MBConv, EfficientNet, arXiv:1905.11946).

    Args:
        x: Feature map (B, H, W, C).
        filters: Channels of the output.
        stride: Stride of the depth-wise convolution.
        expand: Factor by which the first 1x1 convolution widens the map.
        kernel: Size of the depth-wise kernel.
        name: Prefix of the layers' names.

    Returns:
        Feature map (B, H / stride, W / stride, filters).
    """
    layers = keras.layers
    inputs, width = x, x.shape[-1] * expand
    if expand != 1:
        x = layers.Conv2D(width, 1, use_bias=False, name=f"{name}_expand")(x)
        x = layers.BatchNormalization(**BATCH_NORM, name=f"{name}_expand_bn")(x)
        x = layers.Activation("swish", name=f"{name}_expand_swish")(x)
    x = layers.DepthwiseConv2D(
        kernel, strides=stride, padding="same", use_bias=False, name=f"{name}_depthwise"
    )(x)
    x = layers.BatchNormalization(**BATCH_NORM, name=f"{name}_depthwise_bn")(x)
    x = layers.Activation("swish", name=f"{name}_depthwise_swish")(x)
    squeezed = max(1, inputs.shape[-1] // 4)
    gate = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    gate = layers.Conv2D(squeezed, 1, activation="swish", name=f"{name}_reduce")(gate)
    gate = layers.Conv2D(width, 1, activation="sigmoid", name=f"{name}_excite")(gate)
    x = layers.Multiply(name=f"{name}_gate")([x, gate])
    x = layers.Conv2D(filters, 1, use_bias=False, name=f"{name}_project")(x)
    x = layers.BatchNormalization(**BATCH_NORM, name=f"{name}_project_bn")(x)
    if stride == 1 and inputs.shape[-1] == filters:
        x = layers.Add(name=f"{name}_add")([inputs, x])
    return x
