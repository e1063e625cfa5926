"""SkinNet-v1..v4 (paper, section 2): Functional graphs of image, mask and metadata branches.

Every variant has the same frame: the vectors of its CNN branches are joined as `cnn_features`,
the metadata network's vector is appended, and a head classifies. Training stage (b) sees the
graph up to `cnn_features`, stage (c) the graph from there (`skinnet_keras.models.parts`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import keras

from skinnet_keras.data.metadata import METADATA_DIM
from skinnet_keras.models import branches
from skinnet_keras.models.backbones import build_backbone
from skinnet_keras.models.layers import image_normalization

_layers = keras.layers


@dataclass
class _Graph:
    """The inputs of a network under construction and the vectors of its CNN branches."""

    image: keras.KerasTensor
    mask: keras.KerasTensor | None
    vectors: list = field(default_factory=list)

    def normalized(self):
        return image_normalization(self.image.shape[-1])(self.image)


def _pooled_backbone(name: str, x, vector_name: str, prefix: str = ""):
    """A backbone on `x`, averaged over the map to one vector."""
    backbone = build_backbone(name, tuple(x.shape[1:]))
    backbone.name = prefix + name  # v4 may have the same backbone twice
    features = backbone(x)
    return _layers.GlobalAveragePooling2D(name=vector_name)(features)


def _with_mask_channel(x, mask):
    return _layers.Concatenate(name="image_and_mask")([x, mask])


def _cut_out(x, mask):
    # Normalised image x mask: the background becomes the mean colour.
    return _layers.Multiply(name="lesion_cutout")([x, mask])


def _v1(graph: _Graph, backbone: str, **_) -> None:
    graph.vectors.append(_pooled_backbone(backbone, graph.normalized(), "image_vector"))


def _v2(graph: _Graph, backbone: str, **_) -> None:
    x = _with_mask_channel(graph.normalized(), graph.mask)
    graph.vectors.append(_pooled_backbone(backbone, x, "image_vector"))


def _v3(graph: _Graph, backbone: str, shape_filters, shape_units, **_) -> None:
    x = graph.normalized()
    graph.vectors.append(_pooled_backbone(backbone, x, "image_vector"))
    lesion = _cut_out(x, graph.mask)
    graph.vectors.append(branches.shape_network(lesion, shape_filters, shape_units))


def _v4(graph: _Graph, backbone: str, lesion_backbone, image_units, lesion_units, **_) -> None:
    x = graph.normalized()
    image = _pooled_backbone(backbone, _with_mask_channel(x, graph.mask), "image_vector")
    graph.vectors.append(branches.linear_layers(image, image_units, "image_linear"))
    lesion = _pooled_backbone(lesion_backbone, _cut_out(x, graph.mask), "lesion_vector", "lesion_")
    graph.vectors.append(branches.linear_layers(lesion, lesion_units, "lesion_linear"))


# variant -> (function that adds the CNN branches, whether it needs the mask, hidden head layers)
_VARIANTS: dict[str, tuple[Callable[..., None], bool, tuple[int, ...]]] = {
    "v1": (_v1, False, ()),
    "v2": (_v2, True, ()),
    "v3": (_v3, True, ()),
    "v4": (_v4, True, (512,)),
}


def build_skinnet(
    variant: str,
    *,
    num_classes: int = 8,
    image_size: int = 224,
    metadata_dim: int = METADATA_DIM,
    mask_branch: str | None = None,
    backbone: str | None = None,
    lesion_backbone: str | None = None,
    input_channels: int = 3,
    metadata_units: Sequence[int] = (512, 512, 512, 256),
    head_units: Sequence[int] | None = None,
    shape_filters: Sequence[int] = branches.SHAPE_FILTERS,
    shape_units: Sequence[int] = (256, 64),
    image_units: Sequence[int] = (512,),
    lesion_units: Sequence[int] = (512, 256),
) -> keras.Model:
    """Build one of the four SkinNets with fresh weights.

    Args:
        variant: `"v1"` image and metadata; `"v2"` the mask as a fourth image channel; `"v3"`
            a shape network beside v1 on the lesion cut out by the mask; `"v4"` v2's backbone
            and a second one on the cut-out.
        num_classes: Classes K of the softmax.
        image_size: Side S of the square image and mask.
        metadata_dim: Length M of the metadata vector; 0 leaves the metadata network out.
        mask_branch: `"mbconv"` adds a series of MBConv blocks on the mask to any variant
            (paper, section 1.2); None leaves it out.
        backbone: Name in `BACKBONES` of the image backbone (default EfficientNet-B0).
        lesion_backbone: Name in `BACKBONES` of v4's second backbone (default EfficientNet-B3).
        input_channels: Channels C of the image.
        metadata_units: Widths of the metadata network.
        head_units: Hidden layers between the joined vector and the logits; None for the
            variant's own (v4: 512, the others none).
        shape_filters: v3: channels of the eight convolutions.
        shape_units: v3: linear layers after them.
        image_units: v4: linear layers after the image backbone.
        lesion_units: v4: linear layers after the lesion backbone.

    Returns:
        A Functional model. Inputs by name: `image` float32 (B, S, S, C) raw 0..255; `mask`
        float32 (B, S, S, 1) in {0, 1} unless the variant has no use for it; `metadata` float32
        (B, M). Output: `{"diagnosis": float32 (B, K)}` probabilities; the layer before the
        softmax is `diagnosis_logits`, float32 under mixed precision.

    Raises:
        ValueError: An unknown variant, backbone or mask branch; the message lists the known.
    """
    if variant not in _VARIANTS:
        raise ValueError(f"unknown SkinNet variant {variant!r}: choose one of {list(_VARIANTS)}.")
    if mask_branch is not None and mask_branch not in branches.MASK_BRANCHES:
        raise ValueError(
            f"unknown mask_branch {mask_branch!r}: choose one of {list(branches.MASK_BRANCHES)}."
        )
    add_branches, needs_mask, default_head = _VARIANTS[variant]
    inputs = {"image": keras.Input((image_size, image_size, input_channels), name="image")}
    if needs_mask or mask_branch:
        inputs["mask"] = keras.Input((image_size, image_size, 1), name="mask")
    graph = _Graph(inputs["image"], inputs.get("mask"))
    add_branches(
        graph,
        backbone=backbone or "efficientnet_b0",
        lesion_backbone=lesion_backbone or "efficientnet_b3",
        shape_filters=shape_filters,
        shape_units=shape_units,
        image_units=image_units,
        lesion_units=lesion_units,
    )
    if mask_branch:
        graph.vectors.append(branches.mbconv_mask_branch(graph.mask))
    x = (
        _layers.Concatenate(name="cnn_features")(graph.vectors)
        if len(graph.vectors) > 1
        else _layers.Identity(name="cnn_features")(graph.vectors[0])
    )
    if metadata_dim:
        inputs["metadata"] = keras.Input((metadata_dim,), name="metadata")
        vector = branches.metadata_network(inputs["metadata"], metadata_units)
        x = _layers.Concatenate(name="joined_features")([x, vector])
    head = default_head if head_units is None else head_units
    x = branches.linear_layers(x, head, "head_linear")
    logits = _layers.Dense(num_classes, dtype="float32", name="diagnosis_logits")(x)
    diagnosis = _layers.Softmax(dtype="float32", name="diagnosis")(logits)
    return keras.Model(inputs, {"diagnosis": diagnosis}, name=f"skinnet_{variant}")


SKINNETS: dict[str, Callable[..., keras.Model]] = {
    variant: partial(build_skinnet, variant) for variant in _VARIANTS
}
