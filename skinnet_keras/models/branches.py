"""The branches of the SkinNets beside the image backbone: metadata, shape, mask."""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.layers import BATCH_NORM, mbconv

_layers = keras.layers

SHAPE_FILTERS = (16, 32, 64, 128, 256, 256, 512, 1024)
_SHAPE_KERNELS = (7, 7, 5, 5, 3, 3, 3, 3)
MASK_BRANCHES = ("mbconv",)


def metadata_network(metadata, units: Sequence[int] = (512, 512, 512, 256)):
    """The paper's fully connected network on patient metadata (section 2.1).

    Every layer is linear + batch normalisation + ReLU; dropout 0.2 follows the first three.

    Args:
        metadata: Tensor (B, M).
        units: Width of each layer; the last one is the branch's vector.

    Returns:
        Tensor (B, units[-1]).
    """
    x = metadata
    for i, width in enumerate(units, start=1):
        x = _layers.Dense(width, use_bias=False, name=f"metadata_dense{i}")(x)
        x = _layers.BatchNormalization(**BATCH_NORM, name=f"metadata_bn{i}")(x)
        x = _layers.Activation("relu", name=f"metadata_relu{i}")(x)
        if i <= 3:
            x = _layers.Dropout(0.2, name=f"metadata_dropout{i}")(x)
    return x


def shape_network(lesion, filters: Sequence[int] = SHAPE_FILTERS, units: Sequence[int] = (256, 64)):
    """The small CNN of SkinNet-v3 on the lesion cut out by its mask (paper, section 2.3).

    Two 7x7, two 5x5 and four 3x3 convolutions, each with batch normalisation, ReLU and 2x2 max
    pooling; "same" pooling takes 224 to 1, so the last map is the 1024-vector (larger inputs are
    averaged to it). Linear layers then lead to 64 features.

    Args:
        lesion: Tensor (B, H, W, C), zero outside the lesion.
        filters: Channels of the eight convolutions.
        units: Widths of the linear layers.

    Returns:
        Tensor (B, units[-1]).

    Raises:
        ValueError: `filters` does not hold eight numbers.
    """
    if len(filters) != len(_SHAPE_KERNELS):
        raise ValueError(f"shape_filters must hold 8 numbers, got {list(filters)}.")
    x = lesion
    for i, (width, kernel) in enumerate(zip(filters, _SHAPE_KERNELS, strict=True), start=1):
        x = _layers.Conv2D(width, kernel, padding="same", use_bias=False, name=f"shape_conv{i}")(x)
        x = _layers.BatchNormalization(**BATCH_NORM, name=f"shape_bn{i}")(x)
        x = _layers.Activation("relu", name=f"shape_relu{i}")(x)
        x = _layers.MaxPooling2D(2, padding="same", name=f"shape_pool{i}")(x)
    x = _layers.GlobalAveragePooling2D(name="shape_vector")(x)
    return linear_layers(x, units, "shape_linear")


def mbconv_mask_branch(mask):
    """The series of MBConv blocks on the mask (paper, section 1.2).

    Args:
        mask: Tensor (B, H, W, 1) in {0, 1}.

    Returns:
        Tensor (B, 64).
    """
    x = _layers.Conv2D(16, 3, strides=2, padding="same", use_bias=False, name="mask_stem")(mask)
    x = _layers.BatchNormalization(**BATCH_NORM, name="mask_stem_bn")(x)
    x = _layers.Activation("swish", name="mask_stem_swish")(x)
    for i, width in enumerate((16, 24, 40, 64), start=1):
        x = mbconv(x, width, stride=2, name=f"mask_mbconv{i}")
    return _layers.GlobalAveragePooling2D(name="mask_vector")(x)


def linear_layers(x, units: Sequence[int], name: str):
    """Dense + ReLU layers of the given widths on a vector (B, F); returns (B, units[-1])."""
    for i, width in enumerate(units, start=1):
        x = _layers.Dense(width, activation="relu", name=f"{name}{i}")(x)
    return x
