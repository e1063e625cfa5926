"""What batch normalisation makes of the smallest batches: known before anything is trained."""

from __future__ import annotations

import math
from collections.abc import Callable

import keras

from skinnet_keras.config import StageConfig
from skinnet_keras.errors import UserError
from skinnet_keras.models.freezing import layers_of_parts

# One value is normalised to 0, whatever it is, and two to -1 and 1: no gradient passes either.
LEAST_VALUES = 3
SERVES = 8


def normalized_values(model: keras.Model) -> dict[str, int]:
    """Values that one image gives a channel of each batch normalisation.

    A map gives height x width of them, a vector (behind a global mean, or of metadata) one.

    Args:
        model: A network, or several in one; built.

    Returns:
        Name of the layer -> values, the least of where it is used; `{}` without the layer.
    """
    values: dict[str, int] = {}
    for layer in model._flatten_layers():
        if isinstance(layer, keras.layers.BatchNormalization):
            shapes = [node.input_tensors[0].shape for node in layer._inbound_nodes]
            values[layer.name] = min(math.prod(shape[1:-1]) for shape in shapes)
    return values


def check_batch_size(
    stage: str, config: StageConfig, build: Callable[[], keras.Model], images: int
) -> list[str]:
    """Check that a stage's batches are not too small, nor too large, to train its network.

    Several replicas do not change it: their batch normalisation sees all of the batch, and
    smaller batches at the end of an epoch are left out.

    Args:
        stage: Name of the stage.
        config: Its epochs and batches.
        build: Builds what it trains; called where the answer depends on that.
        images: Its training images.

    Returns:
        Sentences to be said, of batches that train, but badly.

    Raises:
        UserError: There are fewer images than one batch, or a layer that is trained sees one
            value a channel.
    """
    key, size = f"stages.{stage}.batch_size", config.batch_size
    if images < size:
        raise UserError(
            f"{key}: {images} training images do not fill one batch of {size}: use a smaller "
            "batch size or more images."
        )
    if size >= LEAST_VALUES:
        return []
    model = build()
    trained = {
        layer.name for part in config.segments for layer in layers_of_parts(model, part.parts)
    }
    values = {name: n for name, n in normalized_values(model).items() if name in trained}
    starved = [name for name, n in values.items() if size * n < LEAST_VALUES]
    if starved:
        least = max(math.ceil(LEAST_VALUES / values[name]) for name in starved)
        sees = "only one value" if size == 1 else "two values at most"
        sentence = (
            f"{key} {size}: the batch normalisation {starved[0]}"
            f"{f' and {len(starved) - 1} more' if len(starved) > 1 else ''} of {model.name} "
            f"sees {sees} a channel and passes no gradient; {least} is the least, {SERVES} or "
            "more serve better."
        )
        if any(size * values[name] == 1 for name in starved):
            raise UserError(sentence)
        return [sentence]
    if values and size == 1:
        return [
            f"{key} 1: batch normalisation sees one image at a time in training, and the mean "
            f"statistics of many in predictions; {SERVES} or more serve better."
        ]
    return []
