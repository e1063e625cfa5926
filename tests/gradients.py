"""Whether every weight of a network learns."""

from __future__ import annotations

import math

import keras
import numpy as np

NEGLIGIBLE = 1e-5
"""Part of the network's median gradient up to which one counts as zero.

Terms that cancel leave about 1e-7 of their size in float32; the other gradients of the networks
here are above 1e-3 of the median.
"""

_FACTORS = {"bias": "kernel", "beta": "gamma"}


def weights_without_gradient(model: keras.Model, inputs: dict[str, np.ndarray]) -> list[str]:
    """List the trainable weights that training would leave as they are.

    The loss is a random projection of all outputs in training mode: no two effects of a weight
    cancel by accident.

    A bias (or the shift of a normalisation) may have a gradient of zero where the kernel (the
    scale) of the same layer has another: then the layer is connected, and what follows it ignores
    constants, as batch normalisation and a softmax do.

    Args:
        model: A Functional model; its weights and statistics stay as they are.
        inputs: Name -> batch, of three at least: of two vectors batch normalisation makes ±1
            whatever they are.

    Returns:
        Paths of the weights whose gradient is missing, not finite or zero everywhere.
    """
    import tensorflow as tf

    values = [tf.convert_to_tensor(weight.value) for weight in model.trainable_variables]
    state = [weight.value for weight in model.non_trainable_variables]
    with tf.GradientTape() as tape:
        tape.watch(values)
        outputs, _ = model.stateless_call(values, state, inputs, training=True)
        loss = sum(
            tf.reduce_sum(output * tf.random.stateless_normal(output.shape, [number, 1]))
            / math.sqrt(math.prod(output.shape))
            for number, output in enumerate(outputs.values())
        )
    gradients = tape.gradient(loss, values)
    sizes = {
        weight.path: math.nan if gradient is None else float(np.abs(gradient).max())
        for weight, gradient in zip(model.trainable_variables, gradients, strict=True)
    }
    least = NEGLIGIBLE * np.median([size for size in sizes.values() if math.isfinite(size)])

    def learns(path: str) -> bool:
        return math.isfinite(sizes[path]) and sizes[path] > least

    def ignored(path: str) -> bool:
        layer, _, weight = path.rpartition("/")
        factor = f"{layer}/{_FACTORS.get(weight)}"
        return math.isfinite(sizes[path]) and factor in sizes and learns(factor)

    return [path for path in sizes if not learns(path) and not ignored(path)]
