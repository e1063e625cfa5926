"""TransFuse (Zhang, Liu, Hu, MICCAI 2021, arXiv:2102.08005).

A ResNet without its last stage beside a DeiT, fused at three scales (BiFusion), with attention
gates on the way up. TransFuse-S at 224 has 26,249,877 trainable parameters, auxiliary heads among
them. The authors' class token, which no output depends on, is left out, and their token grid
(fixed to images of 192x256) follows the size of the square image.
"""

from __future__ import annotations

from collections.abc import Sequence

import keras

from skinnet_keras.models.layers import image_normalization
from skinnet_keras.models.segmentation.blocks.align_corners import AlignCornersUpsampling
from skinnet_keras.models.segmentation.blocks.bifusion import bifusion, conv, conv_bn_relu, up_block
from skinnet_keras.models.segmentation.blocks.deit import deit_encoder
from skinnet_keras.models.segmentation.blocks.resnet import resnet_stage, resnet_stem

_layers = keras.layers


def _convolutional_branch(
    x, width: int, blocks: Sequence[int], bottleneck: bool, dropout: float
) -> list:
    """ResNet maps C2 (S/4), C1 (S/8) and C0 (S/16); the dropout lies in the path."""
    x = resnet_stem(x, width, "stem")
    maps = []
    for i, (name, count) in enumerate(zip(("c2", "c1", "c0"), blocks, strict=True)):
        x = resnet_stage(
            x, width * 2**i, count, name, stride=1 if i == 0 else 2, bottleneck=bottleneck
        )
        x = _layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(x)
        maps.append(x)
    return maps


def _head(x, num_classes: int, size: int, name: str, output: str):
    """3x3 convolution unit, 3x3 convolution to the classes, up-sampling in float32."""
    x = conv_bn_relu(x, x.shape[-1], 3, f"{name}_unit")
    x = conv(x, num_classes, 3, f"{name}_conv", dtype="float32")
    return AlignCornersUpsampling(size, exact=True, dtype="float32", name=output)(x)


def transfuse(
    *,
    image_size: int = 224,
    num_classes: int = 1,
    input_channels: int = 3,
    resnet_width: int = 64,
    resnet_blocks: Sequence[int] = (3, 4, 6),
    bottleneck: bool = False,
    token_width: int = 384,
    depth: int = 8,
    num_heads: int = 6,
    dropout: float = 0.2,
    deep_supervision: bool = True,
    name: str = "transfuse",
) -> keras.Model:
    """Build TransFuse-S (ResNet-34 and DeiT-small), by default.

    TransFuse-L (ResNet-50 and DeiT-base):
    `transfuse(bottleneck=True, token_width=768, depth=12, num_heads=12)`.

    The prediction is `mask_logits`, from the fused maps (the paper's joint prediction). With deep
    supervision there are two more heads, which the authors train with
    `0.5 * L(mask_logits) + 0.3 * L(mask_logits_1) + 0.2 * L(mask_logits_x)`.

    Args:
        image_size: Side of the square input; a multiple of 16.
        num_classes: Channels of the mask logits (1: binary lesion mask).
        input_channels: Channels of the image.
        resnet_width: Channels of the ResNet's first stage; they double twice.
        resnet_blocks: Residual blocks of its three stages.
        bottleneck: Whether they are bottlenecks, whose maps have four times the channels.
        token_width: Channels of the transformer, a multiple of `num_heads`.
        depth: Transformer blocks.
        num_heads: Heads of the self-attention.
        dropout: Rate at which whole channels are dropped between the blocks of both branches;
            half of it after every fusion.
        deep_supervision: Whether the auxiliary heads are built.
        name: Name of the model.

    Returns:
        A model from `image`, float32 (B, S, S, C) in 0..255, to `mask_logits`, float32
        (B, S, S, num_classes), and with deep supervision two outputs of the same shape:
        `mask_logits_1` from the transformer and `mask_logits_x` from the coarsest fusion.

    Raises:
        ValueError: `image_size` is no multiple of 16, or `token_width` none of `num_heads`.
    """
    if image_size % 16:
        raise ValueError(f"transfuse: image_size must be a multiple of 16, got {image_size}.")
    if token_width % num_heads:
        raise ValueError(
            f"transfuse: token_width {token_width} must be a multiple of num_heads {num_heads}."
        )
    image = keras.Input((image_size, image_size, input_channels), name="image")
    x = image_normalization(input_channels)(image)

    def drop(t, name: str):
        return _layers.SpatialDropout2D(dropout, name=f"{name}_dropout")(t)

    c2, c1, c0 = _convolutional_branch(x, resnet_width, resnet_blocks, bottleneck, dropout)
    w2, w1, w0 = c2.shape[-1], c1.shape[-1], c0.shape[-1]
    t0 = drop(deit_encoder(x, token_width, depth, num_heads, "deit"), "t0")
    t1 = drop(up_block(t0, w1, "t1"), "t1")
    t2 = drop(up_block(t1, w2, "t2"), "t2")

    f0 = bifusion(c0, t0, w0, 4, "f0", dropout=dropout / 2)
    f1 = bifusion(c1, t1, w1, 2, "f1", dropout=dropout / 2)
    f2 = bifusion(c2, t2, w2, 1, "f2", dropout=dropout / 2)
    j1 = up_block(f0, w1, "j1", skip=f1)
    j2 = up_block(j1, w2, "j2", skip=f2)

    outputs = {"mask_logits": _head(j2, num_classes, 4, "map_2", "mask_logits")}
    if deep_supervision:
        outputs["mask_logits_1"] = _head(t2, num_classes, 4, "map_1", "mask_logits_1")
        coarse = conv_bn_relu(f0, w2, 1, "map_x_reduce")
        outputs["mask_logits_x"] = _head(coarse, num_classes, 16, "map_x", "mask_logits_x")
    return keras.Model({"image": image}, outputs, name=name)
