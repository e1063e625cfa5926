"""Which layers of a SkinNet are its stem, its last block, its head; train only some of them.

Needed to start from pretrained weights gently: stem and last block first, then everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import keras

from skinnet_keras.errors import UserError

PARTS = ("head", "stem", "last_block", "cnn", "all")

_STEM = re.compile(r"stem_|shape_(conv|bn)1$|mask_stem")
# The number of an MBConv stage (EfficientNet's `block7a` and `block7b` are one), or of a
# convolution of the shape network.
_BLOCK = re.compile(r"(?:mask_mbconv|block|shape_(?:conv|bn))(\d+)")
_AFTER_THE_BLOCKS = "top_"
_BRANCH_LINEAR = re.compile(r"(image|lesion|shape)_linear\d")
_BRANCH_CONVOLUTION = re.compile(r"shape_(conv|bn)\d|mask_(stem|mbconv)")


def layers_of_parts(model: keras.Model, parts: Iterable[str]) -> list[keras.layers.Layer]:
    """The layers with weights that belong to some parts of a SkinNet.

    Args:
        model: A SkinNet, its CNN branches under a head, or a model that contains one.
        parts: Names in `PARTS`:

            - `stem`: first convolution of every convolutional network, with its normalisation:
              backbones, v3's shape network (its first of eight), the mask branch.
            - `last_block`: the last MBConv stage, all its repetitions, and the 1x1 convolution
              after it; of the shape network the eighth convolution.
            - `cnn`: the CNN branches, up to the joined features.
            - `head`: every fully connected layer: those at the end of the branches, which have
              no pretrained weights, the metadata network and the classifier.
            - `all`: the whole model.

    Returns:
        The layers in the model's order. Nested models are represented by their layers.

    Raises:
        UserError: A part names no layer of this model.
    """
    layers = [layer for layer in _leaves(model) if layer.weights]
    by_part = {"all": layers, **_parts_of_skinnet(model)}
    chosen: set[int] = set()
    for part in parts:
        members = by_part.get(part, [])
        if not members:
            raise UserError(
                f"unfreeze: {model.name} has no layer of the part {part!r}: leave it out or use "
                f"one of {', '.join(name for name in PARTS if by_part.get(name))}."
            )
        chosen.update(id(layer) for layer in members)
    return [layer for layer in layers if id(layer) in chosen]


def train_only(model: keras.Model, parts: Iterable[str]) -> None:
    """Make some parts trainable and freeze the others; compile the model afterwards.

    Frozen batch normalisation runs in inference mode: its statistics do not change.

    Args:
        model: As for `layers_of_parts`.
        parts: Likewise; `("all",)` makes everything trainable again.

    Raises:
        UserError: A part names no layer of this model.
    """
    chosen = {id(layer) for layer in layers_of_parts(model, parts)}
    for layer in _leaves(model):
        # Models stay trainable: a frozen one would hide the trainable layers inside it.
        if layer.weights:
            layer.trainable = id(layer) in chosen


def _leaves(model: keras.Model) -> Iterator[keras.layers.Layer]:
    for layer in model.layers:
        if isinstance(layer, keras.Model):
            yield from _leaves(layer)
        else:
            yield layer


def _parts_of_skinnet(model: keras.Model) -> dict[str, list[keras.layers.Layer]]:
    """The parts but `all`, empty where the model contains no SkinNet."""
    skinnet = _skinnet_in(model)
    if skinnet is None:
        return {}
    # Each list is one convolutional network: its blocks are counted on their own.
    networks = [
        [x for x in _leaves(layer) if x.weights]
        for layer in skinnet.layers
        if isinstance(layer, keras.Model)
    ]
    own = [x for x in skinnet.layers if not isinstance(x, keras.Model) and x.weights]
    for prefix in ("shape_", "mask_"):
        networks.append(
            [x for x in own if x.name.startswith(prefix) and _BRANCH_CONVOLUTION.match(x.name)]
        )
    convolutions = [x for network in networks for x in network]
    linear = [x for x in own if _BRANCH_LINEAR.match(x.name)]
    in_networks = {id(x) for x in convolutions}
    return {
        "stem": [x for x in convolutions if _STEM.match(x.name)],
        "last_block": [x for network in networks for x in _last_block(network)],
        "cnn": convolutions + linear,
        "head": [x for x in own if id(x) not in in_networks],
    }


def _last_block(network: list[keras.layers.Layer]) -> list[keras.layers.Layer]:
    numbers = {id(x): int(found[1]) for x in network if (found := _BLOCK.match(x.name))}
    last = max(numbers.values(), default=None)
    return [
        x for x in network if numbers.get(id(x)) == last or x.name.startswith(_AFTER_THE_BLOCKS)
    ]


def _skinnet_in(model: keras.Model) -> keras.Model | None:
    """The model itself or the one inside it that joins the features of CNN branches."""
    if any(layer.name == "cnn_features" for layer in model.layers):
        return model
    inner = (layer for layer in model.layers if isinstance(layer, keras.Model))
    return next((found for x in inner if (found := _skinnet_in(x)) is not None), None)
