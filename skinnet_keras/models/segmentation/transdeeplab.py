"""TransDeepLab (Azad et al., PRIME workshop at MICCAI 2022, arXiv:2208.00713).

DeepLab v3+ without convolutions: a Swin encoder, Spatial Pyramid Pooling by Swin stages of
several window sizes (SSPP) and a Swin decoder. Trainable parameters at 224 with 1, 2, 3, 4
levels: 17,481,606 / 21,142,140 / 24,850,866 / 28,608,696; the tables of relative positions make
them depend on the size.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras
import numpy as np

from skinnet_keras.models.layers import image_normalization
from skinnet_keras.models.segmentation.blocks.cbam import residual_cbam
from skinnet_keras.models.segmentation.blocks.patches import patch_expanding, patch_merging
from skinnet_keras.models.segmentation.blocks.projections import convolution, linear
from skinnet_keras.models.segmentation.blocks.swin import layer_norm, swin_stage

_layers = keras.layers
SSPP_HEADS = 3
DECODER_HEADS = 3
SSPP_DEPTH = 2
UP_DEPTH = 2
CBAM_REDUCTION = 12


def _encoder(x, width: int, depths: Sequence[int], heads: Sequence[int], window: int, rate: float):
    """Patch embedding and Swin stages: (B, S, S, C) to maps at S/4 (low) and S/16 (high)."""
    x = convolution(x, width, 4, "embed", strides=4)
    x = layer_norm(x, "embed_norm")
    rates = np.linspace(0.0, rate, sum(depths)).tolist()
    low = None
    for stage, (depth, num_heads) in enumerate(zip(depths, heads, strict=True)):
        if stage > 0:
            x = patch_merging(x, f"merge{stage}")
        block_rates, rates = rates[:depth], rates[depth:]
        x = swin_stage(
            x, num_heads=num_heads, window=window, drop_path=block_rates, name=f"stage{stage}"
        )
        if stage == 0:
            low = layer_norm(x, "low")
    return low, x


def sspp_windows(grid: int, levels: int) -> tuple[int, ...]:
    """Sides of the windows of each SSPP level, from the smallest to the whole map.

    At 224 pixels (a map of 14x14): 14; 7, 14; 2, 7, 14; 1, 2, 7, 14.

    Args:
        grid: Side of the deepest map, even.
        levels: Number of levels, 1..4.

    Returns:
        `levels` window sides, all of them divisors of `grid`.
    """
    return (1, 2, grid // 2, grid)[4 - levels :]


def _sspp(x, levels: int, rate: float):
    """Swin stages with windows of several sizes on one map, side by side."""
    grid = x.shape[1]
    features = []
    for level, window in enumerate(sspp_windows(grid, levels), start=1):
        depth = 1 if window == grid else SSPP_DEPTH
        features.append(
            swin_stage(
                x,
                num_heads=SSPP_HEADS,
                window=window,
                drop_path=[rate] * depth,
                name=f"sspp{level}",
            )
        )
    if levels == 1:
        return features[0]
    return _layers.Concatenate(name="sspp_concat")(features)


def _fusion(x, width: int, dropout: float):
    """Cross-attention over the levels (CBAM), then down to `width` channels."""
    x = residual_cbam(x, reduction=CBAM_REDUCTION, name="fusion_cbam")
    x = linear(x, width, "fusion_projection")
    x = _layers.Activation("relu", name="fusion_relu")(x)
    return _layers.Dropout(dropout, name="fusion_dropout")(x)


def transdeeplab(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    sspp_levels: int = 2,
    width: int = 96,
    depths: Sequence[int] = (2, 2, 6),
    num_heads: Sequence[int] = (3, 6, 12),
    last_depth: int = 6,
    drop_path: float = 0.1,
    dropout: float = 0.1,
    name: str = "transdeeplab",
) -> keras.Model:
    """Build TransDeepLab.

    The windows grow with the image, as Swin's do: their side is S/32 (7 at 224), and the levels
    of SSPP see windows of 1, 2, S/32 and S/16 pixels (the whole map); fewer levels leave out the
    small ones.

    Args:
        image_size: Side S of the square input; a multiple of 32.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        sspp_levels: Levels of the pyramid, 1..4 (2 is the paper's best in Dice).
        width: Channels of the first stage and of the decoder; a multiple of 3, the heads of the
            decoder.
        depths: Blocks of the three encoder stages, whose channels double each time.
        num_heads: Heads of the three encoder stages.
        last_depth: Blocks after the low- and high-level maps are joined.
        drop_path: Rate of stochastic depth: rising from 0 over the encoder, constant in SSPP and
            the first two decoder stages, none in the last.
        dropout: Rate after the fusion of the levels.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to
        `{"mask_logits": float32 (B, S, S, num_classes)}`.

    Raises:
        ValueError: `image_size` is not a multiple of 32, or `sspp_levels` is outside 1..4.
    """
    if image_size % 32:
        raise ValueError(f"transdeeplab: image_size must be a multiple of 32, got {image_size}.")
    if not 1 <= sspp_levels <= 4:
        raise ValueError(f"transdeeplab: sspp_levels must be 1, 2, 3 or 4, got {sspp_levels}.")
    window = image_size // 32
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)
    low, x = _encoder(x, width, depths, num_heads, window, drop_path)
    x = _fusion(_sspp(x, sspp_levels, drop_path), width, dropout)
    for level in (1, 2):
        x = swin_stage(
            x,
            num_heads=DECODER_HEADS,
            window=window,
            drop_path=[drop_path] * UP_DEPTH,
            name=f"up{level}",
        )
        x = patch_expanding(x, f"up{level}")
    x = _layers.Concatenate(name="join")([low, x])
    x = swin_stage(
        x, num_heads=DECODER_HEADS, window=window, drop_path=[0.0] * last_depth, name="last"
    )
    x = patch_expanding(x, "last")
    x = patch_expanding(layer_norm(x, "out_norm"), "out")
    logits = convolution(x, num_classes, 1, "mask_logits", use_bias=False, dtype="float32")
    return keras.Model({"image": image}, {"mask_logits": logits}, name=name)
