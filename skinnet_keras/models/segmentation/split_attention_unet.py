"""Split-Attention U-Net, the paper's segmentation network of choice.

The text fixes: a Split-Attention block of depth-wise 5x5 and point-wise 1x1 convolutions in the
first layer, 2x2 max pooling, up-sampling at the start of every decoder block, skip connections
by concatenation, a last 1x1 convolution. It credits the speed to the depth-wise + point-wise
sequences, so ours uses them in every block. Default: 1,039,427 trainable parameters.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.layers import BATCH_NORM, SplitAttentionSum, image_normalization
from skinnet_keras.models.segmentation.blocks.spatial_mean import SpatialMean

_layers = keras.layers


def _batch_norm_relu(x, activation: str, name: str):
    x = _layers.BatchNormalization(**BATCH_NORM, name=f"{name}_bn")(x)
    return _layers.Activation(activation, name=f"{name}_relu")(x)


def _split_attention(x, width: int, kernel: int, radix: int, activation: str, name: str):
    """Radix branches of [depth-wise, BN, ReLU, 1x1, BN, ReLU], summed by channel attention."""
    branches = []
    for r in range(1, radix + 1):
        branch = f"{name}_branch{r}"
        y = _layers.DepthwiseConv2D(
            kernel, padding="same", use_bias=False, name=f"{branch}_depthwise"
        )(x)
        y = _batch_norm_relu(y, activation, f"{branch}_depthwise")
        y = _layers.Conv2D(width, 1, use_bias=False, name=f"{branch}_pointwise")(y)
        branches.append(_batch_norm_relu(y, activation, f"{branch}_pointwise"))
    total = _layers.Add(name=f"{name}_sum")(branches) if radix > 1 else branches[0]
    gate = SpatialMean(name=f"{name}_squeeze")(total)
    # ResNeSt's inner width: a quarter of what the branches hold together, 32 at least.
    gate = _layers.Dense(max(32, width * radix // 4), name=f"{name}_reduce")(gate)
    gate = _batch_norm_relu(gate, activation, f"{name}_reduce")
    gate = _layers.Dense(width * radix, name=f"{name}_attention")(gate)
    return SplitAttentionSum(name=name)([*branches, gate])


def _double_unit(x, width: int, kernel: int, activation: str, name: str):
    """Twice [depth-wise, 1x1, BN, ReLU], no biases."""
    for i in (1, 2):
        x = _layers.DepthwiseConv2D(
            kernel, padding="same", use_bias=False, name=f"{name}_depthwise{i}"
        )(x)
        x = _layers.Conv2D(width, 1, use_bias=False, name=f"{name}_pointwise{i}")(x)
        x = _batch_norm_relu(x, activation, f"{name}_unit{i}")
    return x


def split_attention_unet(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    widths: Sequence[int] = (32, 64, 128, 256, 512),
    kernel: int = 5,
    unit_kernel: int | None = None,
    radix: int = 2,
    activation: str = "relu",
    name: str = "split_attention_unet",
) -> keras.Model:
    """Build the Split-Attention U-Net (paper, section 1.3).

    Args:
        image_size: Side of the square input; a multiple of `2 ** (len(widths) - 1)`.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        widths: Channels of the encoder blocks, from the first to the deepest.
        kernel: Size of the depth-wise kernels of the Split-Attention block.
        unit_kernel: Size of the depth-wise kernels after it; None for the same.
        radix: Branches of the Split-Attention block of the first layer.
        activation: "relu", or "relu6", whose bounded range suits 8-bit arithmetic.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` cannot be halved once for each encoder block after the first.
    """
    step = 2 ** (len(widths) - 1)
    if image_size % step:
        raise ValueError(
            f"split_attention_unet: image_size must be a multiple of {step}, got {image_size}."
        )
    unit_kernel = unit_kernel or kernel
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)
    x = _split_attention(x, widths[0], kernel, radix, activation, "e1")
    skips = []
    for level, width in enumerate(widths[1:], start=2):
        skips.append(x)
        x = _layers.MaxPooling2D(2, name=f"e{level}_pool")(x)
        x = _double_unit(x, width, unit_kernel, activation, f"e{level}")
    for level in range(len(skips), 0, -1):
        width, skip = widths[level - 1], skips[level - 1]
        # Copying pixels and mixing their channels can change places: same values, and the 1x1
        # convolution sees a quarter of the pixels.
        x = _layers.Conv2D(width, 1, name=f"d{level}_reduce")(x)
        x = _layers.UpSampling2D(2, interpolation="nearest", name=f"d{level}_up")(x)
        x = _layers.Concatenate(name=f"d{level}_concat")([skip, x])
        x = _double_unit(x, width, unit_kernel, activation, f"d{level}")
    logits = _layers.Conv2D(num_classes, 1, dtype="float32", name="mask_logits")(x)
    return keras.Model({"image": image}, {"mask_logits": logits}, name=name)
